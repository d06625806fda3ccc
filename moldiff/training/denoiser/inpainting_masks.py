"""Tasks of training: what of each molecule is known, so that one network learns to complete any part of it."""

import torch
from jaxtyping import Bool
from torch import Tensor

from moldiff.state import State, Times

# Which variables are known as a whole; a fragment is known with its coordinates, classes and the bonds within.
WHOLE = {"isomers": "a", "conformers": "ab", "perception": "pal", "shape": "p"}
FRAGMENT = ("scaffold", "linker")
TASKS = (*FRAGMENT, *WHOLE)


def sample_inpainting_times(x0: State, t: Times, share: float, *, generator: torch.Generator) -> tuple[State, Times]:
    """Gives some molecules a task: what it knows has time 0, the rest keeps its time.

    A scaffold is a random atom with its nearest neighbours in space, a linker problem what remains without such a
    ball. A molecule with a known fragment is moved so that the fragment is centred, because when it is sampled
    nothing else is there to centre.

    Args:
        x0: clean molecules.
        t: times of the molecules.
        share: of the molecules that get a task, each task being equally likely.
        generator: of the choice.

    Returns:
        The molecules, those with a known fragment moved, and the times.
    """
    b, device = len(x0.mask), x0.mask.device
    task = torch.randint(len(TASKS), (b,), generator=generator)
    task = task.masked_fill(torch.rand(b, generator=generator) >= share, -1).to(device)
    scaffold, linker = ((task == TASKS.index(name))[:, None] for name in FRAGMENT)
    fragment = (_ball(x0, generator) ^ linker) & x0.mask & (scaffold | linker)

    def mark_known(variable: str) -> Bool[Tensor, "b 1"]:
        numbers = [TASKS.index(name) for name, variables in WHOLE.items() if variable in variables]
        return torch.isin(task, torch.tensor(numbers, device=device))[:, None]

    pairs = fragment[:, :, None] & fragment[:, None, :]
    times = t.known(
        pos=fragment | mark_known("p"),
        atom=fragment | mark_known("a"),
        bond=pairs | mark_known("b")[..., None],
        latent=fragment | mark_known("l"),
    )
    count = fragment.sum(1).clamp_min(1)[:, None]
    centre = (x0.pos * fragment[..., None]).sum(1) / count
    return x0.replace(pos=(x0.pos - centre[:, None]) * x0.mask[..., None]), times


def _ball(x0: State, generator: torch.Generator) -> Bool[Tensor, "b n"]:
    """The atoms of each molecule nearest to a random one: a random number of them, at least one, never all."""
    b, n = x0.mask.shape
    sizes = x0.mask.sum(1)
    uniform = torch.rand(2, b, generator=generator).to(x0.mask.device)
    middle = (uniform[0] * sizes).long().clamp_max(n - 1)
    count = 1 + (uniform[1] * (sizes - 1)).long()
    centre = x0.pos.gather(1, middle[:, None, None].expand(b, 1, 3))
    distance = (x0.pos - centre).norm(dim=-1).masked_fill(~x0.mask, torch.inf)
    return distance.argsort(1).argsort(1) < count[:, None]
