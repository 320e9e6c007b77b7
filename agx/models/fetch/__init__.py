"""Fetching models: downloads that resume, and the hub."""
