"""A worker that stays loaded between programs, behind a Unix socket: its keeper, and how it is reached."""
