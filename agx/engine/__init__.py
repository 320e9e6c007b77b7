"""The token loop over llama.cpp, for the worker process: it knows tokens and constraints, not plans."""
