"""Unix commands: the tool table, options and effects, the one reader of argument vectors and inner calls."""
