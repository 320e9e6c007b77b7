"""Tool calls that models write as text, each family in a format of its own."""
