"""Regular expressions as JSON Schema means them: ECMA-262, read once, and written for other engines."""
