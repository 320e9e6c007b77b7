"""What `scripts/bench` measures: the embedded planner, warm, cold, busy, and beside llama-cpp-python."""
