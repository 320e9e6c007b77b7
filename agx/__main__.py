"""``python -m agx``: the command line."""

from agx.cli.entry import main

if __name__ == "__main__":
    main()
