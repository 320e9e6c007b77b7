"""What there is to say about a plan: findings, normalising, and the one check of all of it."""
