"""The verbs of `agx plan`: building a plan step by step, and the plans that are stored."""
