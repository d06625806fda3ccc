"""Which weights draw which record: those that are named, or with `auto` the shipped ones whose domain holds it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from moldiff.cli._sampling import load

if TYPE_CHECKING:
    from moldiff.chem.molecule import Molecule
    from moldiff.data.domain import Read
    from moldiff.generation.generator import MoleculeGenerator
    from moldiff.generation.sample import Sample
    from moldiff.pretrained.format import Obstacle


AUTO = "auto"
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
Task = Callable[..., "Iterator[Sample]"]  # of a generator and items


@dataclass
class Route:
    """Finds the weights of each molecule, and draws each with its own.

    Attributes:
        weights: a name, a folder, or `auto`.
        device: to compute on.
        num_threads: of the CPU.
        precision: float32, bf16 or auto.
        allow_extrapolation: accept molecules beyond the domain of the weights.
        loaded: generators by the name of their weights.
    """

    weights: str
    device: str | None
    num_threads: int | None
    precision: str
    allow_extrapolation: bool
    loaded: "dict[str, MoleculeGenerator]" = field(default_factory=dict)

    def generator(self, name: str) -> "MoleculeGenerator":
        """The generator of weights, loaded when it is first needed."""
        if name not in self.loaded:
            self.loaded[name] = load(name, self.device, self.num_threads, self.precision)
        return self.loaded[name]

    def name_for(self, obstacle: "Obstacle", label: str) -> str:
        """Weights whose domain holds a molecule.

        Args:
            obstacle: of the molecule.
            label: of the molecule, for the message.

        Returns:
            Name or folder; a `DomainError` if there are none.
        """
        from moldiff.pretrained.format import choose_weights, refuse_outside

        more = {"label": label, "allow_extrapolation": self.allow_extrapolation}
        if self.weights == AUTO:
            return choose_weights(obstacle, **more)
        refuse_outside(obstacle, self.generator(self.weights).bundle.statistics.domain, **more)
        return self.weights

    def name_of(self, molecule: "Molecule", read: "Read" = "atoms") -> str:
        """As `name_for`, by the domain's view of a whole molecule."""
        return self.name_for(lambda domain: domain.obstacle(molecule, read), molecule.label)

    def draw(
        self, task: Task, items: Sequence[Any], *, names: Sequence[str], num_each: int = 1, **options: Any
    ) -> "Iterator[Sample]":
        """What a task gives for each item, by the weights of its own, in the order of the items.

        When the work is interrupted from the keyboard, what is done so far still comes before the interrupt does.

        Args:
            task: such as `moldiff.tasks.conformers.conformers`.
            items: what it takes.
            names: of the weights of each.
            num_each: samples of each item.
            **options: of the task.

        Returns:
            Samples, each with the number that it has among all.
        """
        options["allow_extrapolation"] = self.allow_extrapolation
        if num_each > 1:
            options["num_each"] = num_each
        places = {name: [i for i, own in enumerate(names) if own == name] for name in dict.fromkeys(names)}
        drawn = {
            name: _numbered(task(self.generator(name), [items[i] for i in own], **options), own, num_each, name)
            for name, own in places.items()
        }
        return _in_turn([drawn[name] for name in names for _ in range(num_each)])


def _in_turn(turns: "Sequence[Iterator[Sample]]") -> "Iterator[Sample]":
    """The next of each; after an interrupt what each of them has done, and then the interrupt."""
    try:
        for samples in turns:
            yield next(samples)
    except KeyboardInterrupt:
        for rest in dict.fromkeys(turns):
            try:
                yield from rest
            except KeyboardInterrupt:
                continue
        raise


def _numbered(samples: "Iterator[Sample]", places: Sequence[int], num_each: int, weights: str) -> "Iterator[Sample]":
    """Numbers among all, and whose a molecule is: seed and index determine it for these weights alone."""
    for sample in samples:
        item, number = divmod(sample.index, num_each)
        molecule = sample.molecule
        if molecule is not None:
            molecule = replace(molecule, properties={**molecule.properties, "weights": weights})
        yield replace(sample, index=places[item] * num_each + number, molecule=molecule)
