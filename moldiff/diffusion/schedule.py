"""Noise schedules: how much of the data is left at time t, element by element, for any t in [0, 1].

All are exact at both ends: at t = 0 the data, at t = 1 nothing of it. A coordinate at time t is
alpha(t) x0 + sigma(t) eps; a class at time t is still the data's with probability keep(t).
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.errors import ConfigError

LOG_SNR_BOUND = 40.0  # float32 cannot tell larger ratios from an end


class Schedule(ABC):
    """Monotone law of alpha, sigma and keep over time."""

    @abstractmethod
    def alpha(self, t: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Factor of the clean coordinate, from 1 to 0."""

    @abstractmethod
    def sigma(self, t: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Factor of the unit noise, from 0 to 1."""

    def keep(self, t: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Probability that a class has not been redrawn, from 1 to 0; equal to alpha as in MiDi, arXiv:2302.09048."""
        return self.alpha(t)

    def log_snr(self, t: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """log(alpha^2 / sigma^2), bounded at the ends."""
        return (2 * (self.alpha(t).log() - self.sigma(t).log())).clamp(-LOG_SNR_BOUND, LOG_SNR_BOUND)


@dataclass(frozen=True)
class LinearSchedule(Schedule):
    """alpha = 1 - t, sigma = t: the straight path of rectified flow, arXiv:2209.03003."""

    def alpha(self, t: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """1 - t."""
        return 1 - t

    def sigma(self, t: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Equal to t."""
        return t


@dataclass(frozen=True)
class CosineSchedule(Schedule):
    """alpha = cos(pi/2 t^nu), variance preserving; nu as in MiDi, arXiv:2302.09048, after arXiv:2102.09672.

    Attributes:
        exponent: nu; above 1 the data is kept for longer.
    """

    exponent: float = 1.0

    def __post_init__(self) -> None:
        """Refuses an exponent that is not positive.

        Raises:
            ConfigError: if so.
        """
        check_exponent(self.exponent)

    def alpha(self, t: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """cos(pi/2 t^nu), as a sine so that it is exactly 0 at t = 1."""
        return torch.sin(math.pi / 2 * (1 - t**self.exponent))

    def sigma(self, t: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """sin(pi/2 t^nu)."""
        return torch.sin(math.pi / 2 * t**self.exponent)


@dataclass(frozen=True)
class PolynomialSchedule(Schedule):
    """alpha = 1 - t^p, variance preserving: EDM, arXiv:2203.17003, with p = 2.

    Attributes:
        exponent: p.
    """

    exponent: float = 2.0

    def __post_init__(self) -> None:
        """Refuses an exponent that is not positive.

        Raises:
            ConfigError: if so.
        """
        check_exponent(self.exponent)

    def alpha(self, t: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """1 - t^p."""
        return 1 - t**self.exponent

    def sigma(self, t: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """sqrt(1 - alpha^2) = sqrt(t^p (2 - t^p))."""
        power = t**self.exponent
        return (power * (2 - power)).sqrt()


def check_exponent(exponent: float) -> None:
    """An exponent must be positive.

    Args:
        exponent: of a schedule.

    Raises:
        ConfigError: if it is not.
    """
    if not exponent > 0:
        raise ConfigError(f"schedule exponent {exponent}: must be positive")
