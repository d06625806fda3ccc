"""Whether a run can go on from a checkpoint: all that Lightning will take from it is looked at before."""

import math
import re
from collections.abc import Mapping
from typing import Any

import lightning as pl
import torch
from torch import Tensor, nn

from moldiff.errors import ConfigError
from moldiff.training.base_module import ORIGIN, AveragedModule

_STATES = ({"step", "exp_avg", "exp_avg_sq"}, {"momentum_buffer"}, set())  # of AdamW, of Muon, of what never moved


def check_content(content: Any) -> None:
    """Refuses what is no checkpoint of a moldiff run.

    Args:
        content: as torch read it.

    Raises:
        ConfigError: what is missing or of another kind, without the file's name.
    """
    if not isinstance(content, dict):
        raise ConfigError(f"holds a {type(content).__name__}, expected a dictionary")
    missing = [key for key in ("state_dict", "global_step", "epoch") if key not in content]
    if missing:
        raise ConfigError(f"has no {', '.join(map(repr, missing))}")
    state = content["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) and isinstance(k, str) for k, v in state.items()):
        raise ConfigError("its 'state_dict' holds no tensors by name")
    seen = state.get("num_seen")
    if seen is None or seen.shape != () or seen.dtype != torch.long:
        raise ConfigError("its 'state_dict' has no count of molecules 'num_seen'; it is of another program")
    steps = content["global_step"]
    if type(steps) is not int or not 0 <= steps <= int(seen):
        raise ConfigError(f"its 'global_step' is {steps!r} after {int(seen)} molecules")
    if not isinstance(content.get(ORIGIN, {}), dict):
        raise ConfigError(f"its {ORIGIN!r} is no dictionary")


def load_tensors(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Weights into a module.

    Args:
        module: to change.
        tensors: by name.

    Raises:
        ConfigError: if names, shapes or kinds are of another network, or a number is not finite.
    """
    _compare(module.state_dict(), tensors, "state_dict")
    module.load_state_dict(tensors)


def check_resumable(content: Mapping[str, Any], module: AveragedModule, trainer: pl.Trainer) -> None:
    """Refuses a checkpoint that Lightning, or the first step after, would fall over.

    Args:
        content: as of `check_content`.
        module: that is to go on.
        trainer: of the run.

    Raises:
        ConfigError: where it differs from what this run would have written.
    """
    _compare(module.state_dict(), content["state_dict"], "state_dict")
    made = module.configure_optimizers()
    version = content.get("pytorch-lightning_version")
    if not isinstance(version, str) or not re.fullmatch(r"\d+\.\d+\.\d+[\w.+]*", version):
        raise ConfigError(f"its 'pytorch-lightning_version' is {version!r}")
    for key, fresh in (
        ("optimizer_states", [made["optimizer"].state_dict()]),
        ("lr_schedulers", [made["lr_scheduler"]["scheduler"].state_dict()]),
    ):
        _compare(fresh, content.get(key), key)
    if not isinstance(content.get("callbacks"), Mapping):  # states of callbacks that the user gave
        raise ConfigError("its 'callbacks' is no dictionary")
    if version == pl.__version__:  # of another version it is Lightning's to translate
        loops = content.get("loops")
        _compare(trainer.fit_loop.state_dict(), loops.get("fit_loop") if isinstance(loops, dict) else None, "loops")
    for name, part in made["optimizer"].parts.items():
        _check_moments(part, content["optimizer_states"][0][name]["state"], name)


def _compare(fresh: Any, found: Any, where: str) -> None:
    """Whether something is of the same form: keys, lengths, kinds and shapes, with finite numbers."""
    if isinstance(fresh, Mapping):
        if not isinstance(found, Mapping):
            raise ConfigError(f"its {where!r} is no dictionary")
        if where.endswith("/state"):  # of an optimiser: empty before the first step
            return
        for what, names in (("no", fresh.keys() - found.keys()), ("an unknown", found.keys() - fresh.keys())):
            if names:
                raise ConfigError(f"its {where!r} has {what} {min(map(str, names))!r}; is it of another network?")
        for key, value in fresh.items():
            _compare(value, found[key], f"{where}/{key}")
    elif isinstance(fresh, list | tuple):
        if not isinstance(found, list | tuple) or len(found) != len(fresh):
            raise ConfigError(f"its {where!r} is no list of {len(fresh)}")
        for place, (one, other) in enumerate(zip(fresh, found, strict=True)):
            _compare(one, other, f"{where}/{place}")
    elif isinstance(fresh, Tensor):
        _compare_tensor(tuple(fresh.shape), fresh.dtype, found, where)
    elif isinstance(fresh, int | float) and not isinstance(fresh, bool):
        if (
            isinstance(found, bool)
            or not isinstance(found, int | float)
            or not math.isfinite(found)
            or found < 0 <= fresh
        ):
            raise ConfigError(f"its {where!r} is {found!r:.60}, expected a number such as {fresh!r}")
    elif type(fresh) is not type(found):
        raise ConfigError(f"its {where!r} is {found!r:.60}, expected {fresh!r}")


def _compare_tensor(shape: tuple[int, ...], dtype: torch.dtype, found: Any, where: str) -> None:
    if not isinstance(found, Tensor) or tuple(found.shape) != shape or found.dtype != dtype:
        came = f"{tuple(found.shape)}, {found.dtype}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise ConfigError(f"its {where!r} is {came}, expected {shape}, {dtype}; is it of another network?")
    if not bool(torch.isfinite(found).all()):
        raise ConfigError(f"its {where!r} holds values that are not finite")


def _check_moments(part: torch.optim.Optimizer, state: Mapping[Any, Any], name: str) -> None:
    """Whether what an optimiser remembers belongs to its parameters."""
    parameters = dict(enumerate(p for group in part.param_groups for p in group["params"]))
    for number, moments in state.items():
        where = f"optimizer_states/{name}/{number}"
        if number not in parameters or not isinstance(moments, dict) or set(moments) not in _STATES:
            raise ConfigError(f"its {where!r} is not the state of a parameter")
        for key, moment in moments.items():
            shape = () if key == "step" else tuple(parameters[number].shape)
            _compare_tensor(shape, parameters[number].dtype, moment, where)
