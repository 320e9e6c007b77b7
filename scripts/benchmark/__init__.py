"""What `scripts/bench` measures: the embedded planner beside llama-cpp-python, cold, and on a busy machine."""
