"""Steps of the atom and bond classes from t to an earlier s."""

from typing import Protocol, runtime_checkable

from jaxtyping import Int
from torch import Tensor

from moldiff.diffusion.categorical import draw
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.randomness import Randomness
from moldiff.state import Prediction, State, Times


@runtime_checkable
class ClassStepper(Protocol):
    """One algorithm; what it remembers between steps is passed, not stored."""

    def step(
        self,
        process: JointProcess,
        z_t: State,
        x0_hat: Prediction,
        t: Times,
        s: Times,
        memory: object,
        *,
        generator: Randomness,
    ) -> tuple[Int[Tensor, "b n"], Int[Tensor, "b n n"], object]:
        """Atom classes and bonds at s and the new memory; the memory of the first step is None."""
        ...


class MixturePosterior:
    """A draw from the mixture, over the predicted x0, of the exact posteriors: exact for an exact denoiser.

    Source: Austin et al. 2021 (D3PM), arXiv:2107.03006, eq. 4.
    """

    def step(
        self,
        process: JointProcess,
        z_t: State,
        x0_hat: Prediction,
        t: Times,
        s: Times,
        memory: object,
        *,
        generator: Randomness,
    ) -> tuple[Int[Tensor, "b n"], Int[Tensor, "b n n"], object]:
        """See `ClassStepper.step`; needs no memory."""
        n = z_t.mask.shape[1]
        atom = process.atom.posterior(z_t.atom, x0_hat.atom.float().softmax(-1), t.atom, s.atom)
        bond = process.bond.posterior(z_t.bond, x0_hat.bond.float().softmax(-1), t.bond, s.bond)
        return draw(atom, generator.uniform(n)), draw(bond, generator.uniform_pairs(n)), None
