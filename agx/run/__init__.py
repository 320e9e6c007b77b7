"""Running a plan on this machine: processes, pipes and functions, never a shell."""
