"""The command line: parses options, prints results on stdout and everything else on stderr."""
