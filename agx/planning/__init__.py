"""The roles, the pipeline from an instruction to a plan, and the planner that programs use."""
