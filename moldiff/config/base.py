"""The base of all settings: typed, read from JSON, with one line for what is wrong."""

import difflib
import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from moldiff.config.version_1 import from_version_1
from moldiff.errors import ConfigError

S = TypeVar("S", bound="Config")  # typing.Self is beyond the run-time checks of the tests
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


def _check_order(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError("the least comes first, then the greatest")
    return ends


Range = Annotated[tuple[Positive, Positive], AfterValidator(_check_order)]
Subset = Annotated[tuple[Share, Share], AfterValidator(_check_order)]  # of the data, from one share to another


def shorten(value: Any) -> str:
    """What came, for a message of one line."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


class Config(BaseModel):
    """Base of all settings: unknown keys are errors, values cannot be changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _read_version_1(cls, values: Any) -> Any:
        return from_version_1(cls.__name__, values)

    @classmethod
    def parse(cls: type[S], values: Any, *, source: str) -> S:
        """Settings from plain values.

        Args:
            values: as JSON gives them.
            source: file or command-line option, for the message.

        Returns:
            The settings.

        Raises:
            ConfigError: one line that names the key, what is wrong with it and, for a misspelt key, the near match.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            if first["type"] == "extra_forbidden":
                raise ConfigError(f"{source}: unknown key {where!r}{cls._near(first['loc'])}") from error
            raise ConfigError(
                f"{source}: {where or 'config'}: {first['msg']}, got {shorten(first['input'])}"
            ) from error

    @classmethod
    def from_json(cls: type[S], path: Path) -> S:
        """Settings from a JSON file.

        Args:
            path: of the file.

        Returns:
            The settings.

        Raises:
            ConfigError: if the file cannot be read, is not JSON or does not fit.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path}: not a JSON file: {error}") from error
        return cls.parse(values, source=str(path))

    @classmethod
    def _near(cls, location: tuple[str | int, ...]) -> str:
        model: Any = cls
        for part in location[:-1]:
            model = model.model_fields[str(part)].annotation
        close = difflib.get_close_matches(str(location[-1]), model.model_fields, n=1, cutoff=0.5)
        return f"; did you mean {close[0]!r}?" if close else f"; known keys: {', '.join(model.model_fields)}"
