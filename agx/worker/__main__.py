"""``python -P -m agx.worker``: started by `agx.worker.process`, never by hand."""

from agx.worker.main import main

if __name__ == "__main__":
    main()
