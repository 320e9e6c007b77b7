"""The plan as a JSON Schema, and that schema as a constraint on the tokens a model may write."""
