"""What a slow source has given so far, on disk, so that an interrupted preparation goes on where it was."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from jaxtyping import Bool
from safetensors import SafetensorError

from moldiff.chem.molecule import Failure
from moldiff.data.store.packing import Packed, join_text, split_text
from moldiff.data.store.writer import save_arrays
from moldiff.errors import OutputError

Chunk = tuple[Packed | None, Bool[np.ndarray, "r"], list[Failure]]
_ARRAYS = [field.name for field in fields(Packed) if field.name not in ("properties", "smiles", "names", "texts")]
_PROPERTY, _TEXT = "property.", "text."


class Chunks:
    """Numbered chunks in a folder beside the store; those of other settings are thrown away.

    Args:
        folder: made when it is needed.
        config: all that the chunks depend on.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        self.folder, self.key = folder, json.dumps(config, sort_keys=True)
        label = folder / "settings.json"
        try:
            if not label.is_file() or label.read_text() != self.key:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                label.write_text(self.key)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be written: {error.strerror}") from error

    def load(self, number: int) -> Chunk | None:
        """The chunk, or none if it is not there whole."""
        try:
            arrays = safetensors.numpy.load_file(self._file(number))
        except (OSError, SafetensorError):
            return None
        failures = [Failure(*line.split("\t", 1)) for line in split_text(arrays["failures"])]
        if not arrays["mask"].any():
            return None, arrays["mask"], failures
        properties = {name[len(_PROPERTY) :]: a for name, a in arrays.items() if name.startswith(_PROPERTY)}
        smiles, names = split_text(arrays["smiles"]), split_text(arrays["names"])
        texts = {name[len(_TEXT) :]: split_text(a) for name, a in arrays.items() if name.startswith(_TEXT)}
        packed = Packed(
            *(arrays[name] for name in _ARRAYS), properties=properties, smiles=smiles, names=names, texts=texts
        )
        return packed, arrays["mask"], failures

    def save(self, number: int, chunk: Chunk) -> None:
        """Writes beside the target and renames; an `OutputError` if it cannot."""
        packed, mask, failures = chunk
        arrays = {"mask": mask, "failures": join_text([f"{f.reason}\t{f.detail}" for f in failures])}
        if packed is not None:
            arrays |= {name: getattr(packed, name) for name in _ARRAYS}
            arrays |= {"smiles": join_text(packed.smiles), "names": join_text(packed.names)}
            arrays |= {_PROPERTY + name: column for name, column in packed.properties.items()}
            arrays |= {_TEXT + name: join_text(column) for name, column in packed.texts.items()}
        file, fresh = self._file(number), self.folder / "new"
        try:
            save_arrays(arrays, fresh)
            os.replace(fresh, file)
        except (OSError, SafetensorError) as error:
            raise OutputError(f"{file}: cannot be written: {error}") from error

    def remove(self) -> None:
        """Once the store is there."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:06d}.safetensors"
