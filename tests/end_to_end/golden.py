"""Golden results: exact bytes on the processors where they were recorded, a portable form on all others."""

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

FILE = Path(__file__).with_name("unchanged_results.json")
SAME = 0.97  # least share of the molecules that must agree on a processor of another kind
SPREAD = 0.02  # Å


@dataclass(frozen=True)
class Results:
    """What one case gives.

    Attributes:
        digest: of the exact bytes.
        outcomes: canonical SMILES or the reason of the failure of each molecule.
        spread: root mean square distance of its atoms from their centre, Å.
        numbers: numbers that are no molecules.
        tolerance: of the numbers, relative for those above 1 and absolute for those below.
    """

    digest: str
    outcomes: list[str] = field(default_factory=list)
    spread: list[float] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)
    tolerance: float = 1e-3


def digest(parts: Iterable[bytes]) -> str:
    """SHA-256 of parts, each with its length, so that no two lists of parts are alike."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "little") + part)
    return whole.hexdigest()


def digest_of_tensors(tensors: Iterable[torch.Tensor]) -> str:
    """The same for tensors in any order and under any names; an order that is rearranged is no other result."""
    return digest(
        sorted(f"{t.dtype}{tuple(t.shape)}".encode() + t.detach().contiguous().numpy().tobytes() for t in tensors)
    )


def of_molecules(rows: Iterable[tuple[str, tuple[np.ndarray, ...] | None]]) -> Results:
    """Of outcomes, each with elements, charges, bonds and coordinates, or None where there are none."""
    parts, outcomes, spread = [], [], []
    for outcome, arrays in rows:
        outcomes.append(outcome)
        parts.append(outcome.encode())
        if arrays is None:
            spread.append(0.0)
            continue
        *classes, pos = arrays
        parts += [*(array.astype(np.int64).tobytes() for array in classes), pos.astype(np.float32).tobytes()]
        spread.append(round(float(np.sqrt(np.square(pos - pos.mean(0)).sum(1).mean())), 3))
    return Results(digest(parts), outcomes, spread)


def joined(several: Sequence[Results]) -> Results:
    """Those of several calls as one."""
    return Results(
        digest(one.digest.encode() for one in several),
        [outcome for one in several for outcome in one.outcomes],
        [spread for one in several for spread in one.spread],
    )


def platform() -> str:
    """What the last bit of a result depends on: torch, its threads, and the kind of processor."""
    bf16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    parts = [
        f"torch {torch.__version__}",
        torch.backends.cpu.get_cpu_capability() + " with bf16" * bf16,
        f"{torch.get_num_threads()} thread",
        _processor(),
    ]
    return ", ".join(parts)


def _processor() -> str:
    """Maker, family and model: the libraries beneath torch choose their kernels by them."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return "unknown processor"
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return " ".join(fields.get(key, "?") for key in ("vendor_id", "cpu family", "model"))


def differences(golden: dict[str, Any], found: Results, *, where: str) -> list[str]:
    """What is not as it was, nothing if all is.

    Args:
        golden: the entry of the case in the file.
        found: what came now.
        where: the platform, of `platform()`.

    Returns:
        A line for each difference.
    """
    expected = Results(digest="", **{name: value for name, value in golden.items() if name != "bytes"})
    lines = _portable(expected, found)
    recorded = golden["bytes"].get(where)
    if recorded is not None and recorded != found.digest:
        changed = [i for i, pair in enumerate(zip(expected.outcomes, found.outcomes, strict=False)) if len({*pair}) > 1]
        lines.append(f"the bytes differ ({where}); molecules with another SMILES: {changed or 'none'}")
    return lines


def _portable(expected: Results, found: Results) -> list[str]:
    lines = []
    counts = [(len(r.outcomes), len(r.spread), len(r.numbers)) for r in (expected, found)]
    if counts[0] != counts[1]:
        return [f"{counts[1]} molecules, spreads and numbers; expected {counts[0]}"]
    rows = zip(expected.outcomes, found.outcomes, expected.spread, found.spread, strict=True)
    same = [a == b and _close([x], [y], SPREAD) for a, b, x, y in rows]
    if sum(same) < SAME * len(same):
        first = same.index(False)
        lines.append(
            f"{sum(same)} of {len(same)} molecules are as they were; the first other one is {first}: "
            f"{found.outcomes[first]} of {found.spread[first]} Å, expected {expected.outcomes[first]} of "
            f"{expected.spread[first]} Å"
        )
    if not _close(expected.numbers, found.numbers, expected.tolerance):
        off = np.abs(np.subtract(expected.numbers, found.numbers))
        lines.append(f"numbers differ by up to {off.max():.3g}; tolerance {expected.tolerance:g}")
    return lines


def _close(one: Sequence[float], two: Sequence[float], tolerance: float) -> bool:
    return bool((np.abs(np.subtract(one, two)) <= tolerance * np.maximum(1.0, np.abs(one))).all())


def entry(found: Results, recorded: dict[str, str]) -> dict[str, Any]:
    """The entry of a case in the file; empty lists are left out."""
    lists = {name: value for name in ("outcomes", "spread", "numbers") if (value := getattr(found, name))}
    tolerance = {"tolerance": found.tolerance} if found.numbers else {}
    return {"bytes": recorded, **lists, **tolerance}


def read() -> dict[str, dict[str, Any]]:
    """The file, by case."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def write(cases: dict[str, dict[str, Any]]) -> None:
    """One list a line, so that a change is readable in a diff."""
    blocks = []
    for name, case in cases.items():
        lines = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in case.items()]
        blocks.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    FILE.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8")


def main(cases: Mapping[str, Callable[[], Results]]) -> int:
    """The command: compares or records all cases, and gives the number of those that differ."""
    parser = argparse.ArgumentParser(description="Compares all cases; records them on request.")
    parser.add_argument("--write", action="store_true", help="record all anew")
    parser.add_argument("--add", action="store_true", help="record the bytes of this kind of processor, too")
    args = parser.parse_args()
    torch.set_num_threads(1)
    where, recorded, wrong = platform(), {} if args.write else read(), 0
    print(where)
    for name, case in cases.items():
        start = time.process_time()
        found = case()
        lines = [] if args.write else differences(recorded[name], found, where=where)
        wrong += bool(lines)
        if args.write:
            recorded[name] = entry(found, {})
        recorded[name]["bytes"][where] = found.digest
        print(f"{time.process_time() - start:6.1f} s  {name}: {'; '.join(lines) or 'done'}", flush=True)
    if args.write or (args.add and not wrong):
        write(recorded)
    return wrong
