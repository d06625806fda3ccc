"""The command line. Each command imports what it needs when it runs, so that help and scores start at once."""

import inspect
import itertools
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import moldiff
from moldiff.cli._options import with_new_names, with_option_names
from moldiff.cli._terminal import code_after, protect, say, tell
from moldiff.cli.data import prepare
from moldiff.cli.evaluate import compare, filter_molecules, report, score
from moldiff.cli.fragments import decorate, link
from moldiff.cli.predict import predict
from moldiff.cli.sample import sample
from moldiff.cli.tasks import conformers, isomers, perceive_bonds, reshape
from moldiff.cli.train import distill, train, train_predictor
from moldiff.cli.visualize import animate, draw
from moldiff.cli.weights import export, info
from moldiff.errors import ConfigError, MoldiffError

UsageError: Any = typer.BadParameter.__mro__[1]  # typer has a copy of click of its own, older ones use click
BAD_USAGE = 2  # exit code


VERBS = (decorate, link, isomers, conformers, perceive_bonds, reshape)
MAKING = (prepare, train, train_predictor, distill, export)
ALL = (sample, *VERBS, score, compare, report, draw, animate, predict, *MAKING, info)
FUNCTIONS: dict[str, Callable[..., None]] = {one.__name__.replace("_", "-"): one for one in ALL} | {
    "filter": filter_molecules
}


class _Commands(Mapping[str, Any]):
    """Commands by name, each made when it is needed: to make all of them takes longer than to print the help."""

    def __getitem__(self, name: str) -> Any:
        return _command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(FUNCTIONS)

    def __len__(self) -> int:
        return len(FUNCTIONS)


@cache
def _command(name: str) -> Any:
    """A `KeyError` if there is none of that name."""
    only = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    only.command(name)(FUNCTIONS[name])
    return typer.main.get_command(only)


class _OneLineErrors(TyperGroup):
    """An error is one line on stderr: exit code 1 of what moldiff raises on purpose, 2 of an option that is none.

    `--debug` shows where it was raised.
    """

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: Any = _Commands()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Options before the command; of nothing at all comes the help."""
        if not args:
            return super().parse_args(ctx, args)
        with _one_line():
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command, if none of what follows is empty, as `--out "$OUT"` is where nobody set it."""
        for before, argument in itertools.pairwise(args):
            name = before if before.startswith("--") and "=" not in before else "an argument"
            option, equals, value = argument.partition("=")
            if not argument or (option.startswith("--") and equals and not value):
                raise ConfigError(f"{option or name} is empty; give a value, or leave it out")
        return super().resolve_command(ctx, with_new_names(args))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Every command with all of the first paragraph of its help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, (inspect.getdoc(f) or "").split("\n\n")[0]) for name, f in FUNCTIONS.items()])

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        with _one_line(debug=ctx.params.get("debug")):
            return super().invoke(ctx)


@contextmanager
def _one_line(debug: bool = False) -> Iterator[None]:
    try:
        yield
    except MoldiffError as error:
        if debug:
            raise
        tell(with_option_names(str(error)))
        raise typer.Exit(1) from error
    except UsageError as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "moldiff")
        tell(f"{error.format_message().rstrip('.')}; see {command} --help")
        raise typer.Exit(BAD_USAGE) from error


app = typer.Typer(
    cls=_OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: it starts at once, and no name of an option is cut
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Generates 3D molecules by E(3)-equivariant diffusion. Start with: moldiff sample --out molecules.sdf",
)


def _version(value: bool) -> bool:
    if value:
        say(f"moldiff {moldiff.__version__}")
        raise typer.Exit
    return value


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the full trace of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    pass


def main() -> None:
    """Entry point: `moldiff`, or `python -m moldiff`."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that spin stall one another where cores are shared
    warnings.showwarning = lambda message, *rest: tell(f"warning: {message}")
    protect()
    try:
        app()
    except SystemExit as end:
        raise SystemExit(code_after(end.code if isinstance(end.code, int) else 0)) from end
