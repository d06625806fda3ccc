"""The options of a walk, the same for every command that has them."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Option

if TYPE_CHECKING:
    from moldiff.config import SamplerSettings

DEFAULT = "  [default: of the weights]"

NumSteps = Annotated[int | None, Option(min=1, help=f"Network evaluations for each molecule.{DEFAULT}")]
Solver = Annotated[Literal["multistep", "ddim"] | None, Option(help=f"Of the coordinates.{DEFAULT}")]
Eta = Annotated[
    float | None, Option(min=0, max=1, help="With --solver ddim: 1 ancestral, 0 deterministic.  [default: 1]")
]
Temperature = Annotated[float | None, Option(help=f"Below 1 the likelier classes are preferred.{DEFAULT}")]
GridPower = Annotated[float | None, Option(help=f"Above 1 the steps are finer near the data.{DEFAULT}")]
GridFocus = Annotated[float | None, Option(help=f"0 to 1: the steps are finer in the middle of the walk.{DEFAULT}")]
ClassChurn = Annotated[float | None, Option(help=f"0 to 1: how freely classes are drawn again each step.{DEFAULT}")]
AtomLead = Annotated[
    float | None, Option(help=f"Atom classes are at t^this when coordinates are at t: above 1, ahead of them.{DEFAULT}")
]
BondLead = Annotated[float | None, Option(help=f"The same for bonds.{DEFAULT}")]


def changed(sampler: "SamplerSettings", **asked: Any) -> "SamplerSettings":
    """The sampler with what was asked for; None is not."""
    told = {name: value for name, value in asked.items() if value is not None}
    return type(sampler).parse(sampler.model_dump() | told, source="options")
