"""Shell text to plan and back, and plans as graphs."""
