"""The registry of the kinds of conditions: a new kind is a file and a line here, or `register_condition`."""

from collections.abc import Mapping
from typing import Any, TypeVar

from moldiff.conditions.categorical import CategoricalCondition
from moldiff.conditions.condition import Condition, checked
from moldiff.conditions.scalar import ScalarCondition
from moldiff.errors import ConfigError, DataError

Kind = TypeVar("Kind", bound=type[Condition])
CONDITIONS: dict[str, type[Condition]] = {kind.kind: kind for kind in (ScalarCondition, CategoricalCondition)}
_UNNAMED = {ScalarCondition.kind, CategoricalCondition.kind}  # distinguished by their classes in files


def register_condition(kind: Kind) -> Kind:
    """Adds a kind, for `COLUMN:KIND` among the conditions of a training; also as a decorator.

    Args:
        kind: a subclass of `Condition` with a name of its own in `kind`.

    Returns:
        The same class.

    Raises:
        ConfigError: if there is another of that name.
    """
    if CONDITIONS.setdefault(kind.kind, kind) is not kind:
        raise ConfigError(f"condition kind {kind.kind!r}: there is another of that name")
    return kind


def condition_to_dict(condition: Condition) -> dict[str, Any]:
    """Plain values for JSON."""
    plain = condition.to_dict()
    return plain if condition.kind in _UNNAMED else {"kind": condition.kind, **plain}


def condition_from_dict(plain: Mapping[str, Any]) -> Condition:
    """Inverse of `condition_to_dict`.

    Args:
        plain: as JSON gives it.

    Returns:
        The condition.

    Raises:
        DataError: of a key, or of a kind that is not registered; a `TypeError` or `ValueError` of a wrong value.
    """
    values = dict(plain)
    kind = checked(values.pop("kind", "categorical" if plain.get("classes") else "scalar"), str)
    if kind not in CONDITIONS:
        raise DataError(
            f"condition: kind {kind!r} is not one of {', '.join(CONDITIONS)}; moldiff.register_condition adds one"
        )
    return CONDITIONS[kind].from_dict(values)
