"""`python -m moldiff`."""

from moldiff.cli import main

if __name__ == "__main__":
    main()
