"""``python -m agx``: the command line."""

from agx.cli.main import main

if __name__ == "__main__":
    main()
