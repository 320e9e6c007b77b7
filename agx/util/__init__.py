"""What no domain owns: atomic files, texts, imports, JSON Schema, facts of the machine."""
