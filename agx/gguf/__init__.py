"""What a GGUF file says of its model, read without llama.cpp: the header, and a card made from it."""

from agx.gguf.card import ModelCard, read_card

__all__ = ["ModelCard", "read_card"]
