"""What a model may write, as a JSON Schema or a grammar, and either one as a constraint on its tokens."""
