"""Building a plan step by step: each step is checked, kept in a buffer, and can be taken back."""
