"""Defaults of the tasks, the same in Python and on the command line; loads nothing."""

from dataclasses import dataclass

AUTO = "auto"  # for each molecule the shipped weights whose domain holds it


@dataclass(frozen=True)
class TaskDefaults:
    """What a task does unless it is asked for something else.

    Attributes:
        num_samples: for each molecule of the input.
        num_steps: network evaluations of an attempt.
        num_attempts: at one sample, at most.
    """

    num_samples: int
    num_steps: int
    num_attempts: int


GROWTH = TaskDefaults(num_samples=10, num_steps=50, num_attempts=4)  # decorate and link
ISOMERS = TaskDefaults(20, 100, 3)  # the hardest of the tasks: 73 % are valid at 20 evaluations, 87 at 50, 90 at 100
CONFORMERS = TaskDefaults(1, 20, 16)  # one stereoisomer of several centres is one of many, and comes by chance
BONDS = TaskDefaults(1, 10, 4)  # the first attempt with neutral atoms, which most are
SHAPES = TaskDefaults(5, 20, 1)
