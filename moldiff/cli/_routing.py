"""The options that choose weights, and the router that they make."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

from typer import Option

from moldiff.cli._sampling import load
from moldiff.errors import ConfigError
from moldiff.tasks.defaults import AUTO as AUTO

if TYPE_CHECKING:
    from moldiff.tasks.routing import Router


AutoWeights = Annotated[
    str,
    Option(
        "--weights",
        "-w",
        help="A name that ships with the package, or a folder; auto is, for each molecule, the shipped weights whose "
        "training data have molecules like it.",
    ),
]
Extrapolate = Annotated[
    bool,
    Option("--allow-extrapolation", help="Also for molecules unlike those of the training data, with a warning."),
]


def make_router(
    weights: str,
    device: str | None,
    num_threads: int | None,
    precision: str,
    allow_extrapolation: bool,
    network: str | None = None,
) -> "Router":
    """The router of the options.

    Args:
        weights: a name, a folder, or `auto`.
        device: to compute on.
        num_threads: of the CPU.
        precision: float32, bf16 or auto.
        allow_extrapolation: accept molecules beyond the domain of the weights.
        network: name of the class of their network, where it is from outside the package.

    Returns:
        The router.

    Raises:
        ConfigError: if there is a network, but the weights are those that ship.
    """
    if network is not None and weights == AUTO:
        raise ConfigError(f"--network {network}: name its weights by --weights; those that ship have moldiff's own")
    from moldiff.tasks.routing import Router

    own_load = partial(load, device=device, num_threads=num_threads, precision=precision, network=network)
    return Router(weights, allow_extrapolation, own_load)
