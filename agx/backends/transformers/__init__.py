"""Models in Hugging Face's form, through transformers and torch, in a thread of this process."""
