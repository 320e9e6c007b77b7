"""One module a command: its options, and the work it begins, which is imported when it runs."""
