"""What a plan and a tool are: their schema, reading, editing, changes and references."""
