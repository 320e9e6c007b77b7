"""`agx models`: one module a command. The work is in `agx.models` and `agx.gguf`."""
