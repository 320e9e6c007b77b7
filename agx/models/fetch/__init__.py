"""Fetching models: the hub, and downloads that resume."""
