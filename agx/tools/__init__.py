"""Registries of tools: read from files, functions and lists, and ranked by relevance to an instruction."""
