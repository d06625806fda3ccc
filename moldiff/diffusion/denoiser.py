"""From a network to a denoiser: the one place where coordinates are preconditioned."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol, cast, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from moldiff.diffusion.joint import JointProcess, is_floating, project
from moldiff.state import Prediction, State, Times


@runtime_checkable
class Denoiser(Protocol):
    """Anything that predicts the clean molecules from noisy ones."""

    def __call__(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        """x0 for coordinates, logits for classes; `previous` is the last prediction, for self-conditioning."""
        ...


@runtime_checkable
class Network(Protocol):
    """What the package asks of a network, which is also a `torch.nn.Module`.

    Its class is called with keywords: `atom_classes`, the number of atom classes of the data; `atom_inputs` and
    `bond_inputs`, the numbers of classes of a noisy atom (one more with absorbing noise) and of a noisy bond;
    `label_classes`, for each label of a molecule its number of classes, or 0 for a number; `scale`, the spread of the
    data's coordinates in Å; and `model.network_options` of the settings.

    Parameters go by their name in the network's own `named_parameters`; nothing outside it spells one.
    """

    def __call__(
        self,
        state: State,
        t: Times,
        guess: Float[Tensor, "b n 3"],
        error: Float[Tensor, "b n"],
        previous: Prediction | None,
    ) -> Prediction:
        """Predicts the clean molecules.

        Args:
            state: noisy molecules; their classes may be those of the noise too.
            t: time of each element.
            guess: the best linear estimate of the clean coordinates, Å.
            error: its expected error, Å; an atom with error 0 must not move.
            previous: the last prediction, for self-conditioning.

        Returns:
            The prediction; padded slots and the diagonal of the bonds may hold any finite number.
        """
        ...

    def class_slices(self, classes: Sequence[int]) -> Mapping[str, tuple[int, list[int]]]:
        """Parameters shaped by the atom classes, for fine-tuning on data with other classes.

        Args:
            classes: atom classes.

        Returns:
            For each such parameter the axis, and the places on it that belong to these classes or to no class, in an
            order that does not depend on how many classes the network has. A vector among them is a bias of logits.
        """
        ...

    def label_parameters(self) -> Collection[str]:
        """Parameters that read the labels: fresh where fine-tuning changes the conditions."""
        ...

    def embeddings(self) -> Collection[str]:
        """Parameters that read the inputs: AdamW moves them instead of Muon, LoRA learns them whole."""
        ...


NetworkFactory = Callable[..., nn.Module]  # the class of a `Network`; its docstring says what it is called with


class NetworkDenoiser(nn.Module):
    """x0_hat = skip z_t + error F(z_t, t): the network F only has to correct the best linear guess.

    Source: Karras et al. 2022, arXiv:2206.00364, section 5, with a time for every atom.
    """

    def __init__(self, network: nn.Module, process: JointProcess) -> None:
        super().__init__()
        self.network = network
        self.process = process

    @property
    def as_network(self) -> Network:
        """The network, for what only a `Network` answers."""
        return cast(Network, self.network)

    def embeddings(self) -> Collection[str]:
        """Parameters that read the inputs, by their name in this module."""
        return {f"network.{name}" for name in self.as_network.embeddings()}

    def forward(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        """Predicts; a floating molecule's coordinates have zero mean, a known coordinate comes back as it is."""
        skip, error = self.process.pos.skip(t.pos)
        guess = skip[..., None] * state.pos
        prediction = self.network(state, t, guess, error, previous)
        pos = project(prediction.pos, state.mask, is_floating(t, state.mask))
        return Prediction(pos, prediction.atom, prediction.bond)
