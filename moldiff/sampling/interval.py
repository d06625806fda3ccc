"""The interval of one solver step."""

from typing import NamedTuple

from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.random import Randomness
from moldiff.state import Times


class Interval(NamedTuple):
    """One step of the reverse process, from t to an earlier s.

    Attributes:
        process: the joint process that the denoiser was trained on.
        t: present times of all elements, in [0, 1]; 0 for a known one, which stays.
        s: times to reach, s <= t.
        generator: the noise source; the only one that a solver may use.
    """

    process: JointProcess
    t: Times
    s: Times
    generator: Randomness
