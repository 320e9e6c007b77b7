"""What a GGUF file says of its model, read without llama.cpp: the header, and a card made from it."""
