"""What no domain owns: atomic files, texts, imports, facts of the machine."""
