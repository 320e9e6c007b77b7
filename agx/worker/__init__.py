"""The process that the engine lives in, and the client that keeps it alive and talks to it."""
