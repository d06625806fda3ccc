"""A record of the input that a task cannot complete."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Refused:
    """Which record, and why.

    Attributes:
        number: of the record, from 1.
        name: its title; empty if it could not be read.
        reason: a short name.
        detail: one line.
    """

    number: int
    name: str
    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}" if self.name and self.name not in self.detail else self.detail
