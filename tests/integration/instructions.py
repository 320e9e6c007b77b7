"""Ten instructions, each with commands that a plan for it may begin with."""

INSTRUCTIONS = {
    "list all rust files and count lines": {"find", "ls", "wc", "grep", "fd", "cat"},
    "show the ten largest files in this folder": {"du", "find", "ls"},
    "count the words in notes.txt": {"wc", "cat"},
    "sort names.txt and drop duplicates": {"sort", "cat"},
    "find python files modified in the last 7 days": {"find"},
    "show how much disk space is free": {"df"},
    "search for TODO in all files below src": {"grep", "find", "rg"},
    "list running processes sorted by memory": {"ps", "top"},
    "print the first 20 lines of log.txt": {"head", "sed", "cat"},
    "compress the folder logs into logs.tar.gz": {"tar"},
}
DRAFT = '{"plan": ["cat main.rs", "uniq"]}'
TO_REFINE = "count the lines of all rust files"
