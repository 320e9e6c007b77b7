"""Models shared with Ollama: its own, read in place, and ours, sent to it."""
