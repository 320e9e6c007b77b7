"""The models that Ollama has: read in place, and given to it."""
