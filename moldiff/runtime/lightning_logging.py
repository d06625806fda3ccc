"""Lightning's own messages, kept out of the terminal."""

import logging
import warnings


def quiet_lightning() -> None:
    """No advertisements, and no warnings about Lightning's own code, in this process."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
