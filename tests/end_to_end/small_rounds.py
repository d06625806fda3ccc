"""`moldiff`, whose processes gather after 16 molecules each, not 1,024; each of them runs this file when it starts."""

from moldiff.generation import distributed

distributed.ROUND = 16
if __name__ == "__main__":
    from moldiff.cli import main

    main()
