"""Tensors of a bundle: written whole or not at all, read only if names, shapes and kinds are those expected."""

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from moldiff.errors import OutputError, WeightsError
from moldiff.pretrained.format import AGAIN, CONFIG, TENSORS, what_came
from moldiff.runtime.atomic_files import claim

M = TypeVar("M", bound=nn.Module)
DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}


def write_bundle(
    folder: Path,
    texts: Mapping[str, str],
    tensors: Mapping[str, Tensor],
    *,
    dtype: torch.dtype = torch.float32,
    overwrite: bool = False,
) -> None:
    """Writes a bundle beside its place and renames, so that it is either whole or absent.

    Args:
        folder: to make.
        texts: content of the files beside the tensors, by name; one is `config.json`.
        tensors: by name.
        dtype: float32, bfloat16 or float16.
        overwrite: replace a bundle that is there; never any other folder.

    Raises:
        OutputError: if the folder exists and may not be replaced, or cannot be written.
        WeightsError: if a tensor is not finite, or not in that dtype.
    """
    if os.path.exists(folder) and not (overwrite and (folder / CONFIG).is_file() and (folder / TENSORS).is_file()):
        hint = "allow it to be overwritten, or name another" if (folder / TENSORS).is_file() else "name another"
        raise OutputError(f"{folder}: is already there; {hint}")
    cast = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in tensors.items()}
    bad = next((name for name, tensor in cast.items() if not bool(torch.isfinite(tensor).all())), None)
    if bad is not None:
        raise WeightsError(
            f"{folder}: not written: tensor {bad!r} is not finite in {dtype}; train on from a better one"
        )
    try:
        with claim(folder), tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as beside:
            fresh = Path(beside) / "new"
            fresh.mkdir()
            (fresh / TENSORS).write_bytes(safetensors.torch.save(cast))
            for name, text in texts.items():
                (fresh / name).write_text(text, encoding="utf-8", errors="backslashreplace")
            if folder.exists():
                os.rename(folder, Path(beside) / "old")
            os.rename(fresh, folder)
    except (OSError, SafetensorError) as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{folder}: the bundle cannot be written: {error}") from error


def load_module(file: Path, build: Callable[[], M], *, widest: int) -> M:
    """Builds a module and gives it the tensors of a file, whose names, shapes and kinds are compared before.

    Args:
        file: of the tensors.
        build: makes the module with fresh weights.
        widest: largest size in `config.json`; nothing of a size that the file cannot hold is built.

    Returns:
        The module in evaluation mode; its parameters still require gradients, for autocast keeps bf16 copies of such
        only.

    Raises:
        WeightsError: one line that names the file, what came, and what to do.
    """

    def expected() -> dict[str, Tensor]:
        with torch.device("meta"):
            return build().state_dict()

    tensors = read_tensors(file, expected, widest=widest)
    module = build()
    module.load_state_dict(tensors)
    return module.eval()


def read_tensors(file: Path, expected: Callable[[], Mapping[str, Tensor]], *, widest: int) -> dict[str, Tensor]:
    """The tensors of a file, float32.

    Args:
        file: of the tensors.
        expected: makes tensors of the names and shapes that must be there, without memory.
        widest: largest size in `config.json`; nothing of a size that the file cannot hold is built.

    Returns:
        The tensors.

    Raises:
        WeightsError: one line that names the file, what came, and what to do.
    """
    try:
        with safe_open(file, framework="pt") as stream:
            size = file.stat().st_size
            if widest > size:
                raise WeightsError(f"{file}: has {size} bytes, {CONFIG} asks for a width of {widest}; {AGAIN}")
            found = {name: stream.get_slice(name) for name in stream.keys()}  # noqa: SIM118
            kinds = {name: entry.get_dtype() for name, entry in found.items()}
            shapes = {name: tuple(entry.get_shape()) for name, entry in found.items()}
            _compare(file, {name: tuple(tensor.shape) for name, tensor in expected().items()}, shapes)
            strange = next((name for name, kind in kinds.items() if kind not in DTYPES), None)
            if strange is not None:
                raise WeightsError(f"{file}: tensor {strange!r} is {kinds[strange]}, expected one of {list(DTYPES)}")
            tensors: dict[str, Tensor] = {name: stream.get_tensor(name).float() for name in shapes}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{file}: {what_came(file, expected='safetensors file')} ({error}); {AGAIN}") from error
    bad = next((name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())), None)
    if bad is not None:
        raise WeightsError(f"{file}: tensor {bad!r} holds values that are not finite; {AGAIN}")
    return tensors


def _compare(file: Path, expected: dict[str, tuple[int, ...]], shapes: dict[str, tuple[int, ...]]) -> None:
    for what, names in (
        ("is missing", expected.keys() - shapes.keys()),
        ("is unknown", shapes.keys() - expected.keys()),
    ):
        if names:
            first = min(names)
            raise WeightsError(f"{file}: tensor {first!r} {what} ({len(names)} such); it does not belong to {CONFIG}")
    for name, shape in expected.items():
        if shapes[name] != shape:
            came = " x ".join(map(str, shapes[name]))
            raise WeightsError(
                f"{file}: tensor {name!r} is {came}, {CONFIG} asks for {' x '.join(map(str, shape))}; {AGAIN}"
            )
