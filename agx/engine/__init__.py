"""The token loop over llama.cpp, for the worker process: it knows tokens and schemas, not plans."""
