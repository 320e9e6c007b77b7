"""Where models are, and where they come from: names to files, the catalogue, downloads, Ollama's folder."""
