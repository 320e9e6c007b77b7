"""What is known about Unix commands: tools, options and effects, and the one reader of argument vectors."""
