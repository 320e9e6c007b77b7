"""Plans: what they are, how they are read, checked, judged and written."""
