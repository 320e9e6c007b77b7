"""What can be set: one table of settings, the layers they are read from, and where each value came from."""
