"""Many plans: a file of instructions in, one row each out, and a run that goes on after any kill."""
