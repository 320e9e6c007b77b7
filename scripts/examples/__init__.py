"""How the bank of examples is made that comes with AGX."""
