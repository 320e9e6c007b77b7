"""Models of an Ollama server, over its HTTP API."""
