"""What generates text: one small protocol, and each thing that speaks it."""
