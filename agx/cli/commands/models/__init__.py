"""The commands of `agx models`. What they do is in `agx.models`, `agx.gguf` and `agx.app`."""
