"""What the `scripts/measure-*` commands measure; each module has the name of its command."""
