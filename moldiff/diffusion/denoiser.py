"""From a network to a denoiser: the one place where coordinates and latents are preconditioned."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol, cast, runtime_checkable

import torch
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
    data's coordinates in Å; and `model.network_options` of the settings. Where hydrogens are latent, also
    `latent_vectors` and `latent_scale`, where aromatic bonds are a class, `bond_classes`, the classes of a clean bond.

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
            state: noisy molecules; their classes may be those of the noise too. Their latent, where hydrogens are
                latent, is the best linear estimate of the clean one, and the latent of the prediction is the
                correction to it in units of that estimate's expected error.
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

    Args:
        network: as of `Network`.
        process: the joint process.
        hydrogens: the decoder of latent hydrogens, where they are latent.

    Source: Karras et al. 2022, arXiv:2206.00364, section 5, with a time for every atom.
    """

    def __init__(self, network: nn.Module, process: JointProcess, hydrogens: nn.Module | None = None) -> None:
        super().__init__()
        self.network = network
        self.process = process
        self.hydrogens = hydrogens

    @property
    def as_network(self) -> Network:
        """The network, for what only a `Network` answers."""
        return cast(Network, self.network)

    def embeddings(self) -> Collection[str]:
        """Parameters that read the inputs, by their name in this module."""
        return {f"{part}.{name}" for part, of in self.parts().items() for name in cast(Network, of).embeddings()}

    def parts(self) -> dict[str, nn.Module]:
        """The network, and the decoder where there is one."""
        return {"network": self.network} | ({} if self.hydrogens is None else {"hydrogens": self.hydrogens})

    def unfold(self, state: State) -> State:
        """Clean molecules with the hydrogens that are folded into their atoms; as they are where none can be."""
        if self.hydrogens is None:
            return state
        with torch.no_grad():
            return state.replace(hydrogens=self.hydrogens(state))

    def forward(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        """Predicts; a floating molecule's coordinates have zero mean, a known coordinate comes back as it is."""
        skip, error = self.process.pos.skip(t.pos)
        guess = skip[..., None] * state.pos
        latent_skip, latent_error = self.process.latent.skip(t.latent)
        latent = latent_skip[..., None] * state.latent
        prediction = self.network(state.replace(latent=latent), t, guess, error, previous)
        pos = project(prediction.pos, state.mask, is_floating(t, state.mask))
        latent = latent + latent_error[..., None] * prediction.latent.to(latent.dtype)
        return Prediction(pos, prediction.atom, prediction.bond, latent)
