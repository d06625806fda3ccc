"""Packages that are needed for one purpose only."""

from collections.abc import Iterable
from importlib.util import find_spec

from moldiff.errors import MissingPackageError


def need_packages(names: Iterable[str], *, what: str, extra: str) -> None:
    """Before the work: if a package is not there it is a `MissingPackageError` of what needs it, and of the extra."""
    for name in names:
        if find_spec(name) is None:
            raise MissingPackageError(f"{what} needs the package {name}: pip install 'moldiff[{extra}]'")
