"""``python -P -m agx.worker.warm``: started by `agx.worker.warm.control`, never by hand."""

from agx.worker.warm.keeper import main

if __name__ == "__main__":
    main()
