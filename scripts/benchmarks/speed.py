"""Times the network and its training against a plain large matrix product of the same run: `make bench`."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode, register_flop_formula

from moldiff.build import build_denoiser
from moldiff.config.training import TrainingConfig
from moldiff.diffusion.random import BatchRandomness
from moldiff.pretrained.bundle import load_pretrained
from moldiff.runtime.memory import keep_memory, peak_memory
from moldiff.sampling.inpainting import KnownValues
from moldiff.state import State, Times
from moldiff.training.denoiser.module import DiffusionModule

ATOMS, BATCH, REPEATS = 18, 64, 5


@register_flop_formula(torch.ops.aten.addmm_)
def _addmm_flops(self_shape, a_shape, b_shape, *args, out_shape=None, **kwargs) -> int:
    return 2 * a_shape[0] * a_shape[1] * b_shape[1]


def seconds(work: Callable[[], object]) -> float:
    """Best of some runs, after one to warm up."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def matrix_rate(dtype: torch.dtype) -> float:
    """GFLOP/s of a 2048 x 2048 x 2048 product."""
    a, b = torch.randn(2048, 2048).to(dtype), torch.randn(2048, 2048).to(dtype)
    return 2 * 2048**3 / seconds(lambda: a @ b) / 1e9


def main(weights: str = "qm9", out: str = "") -> None:
    """Measures on one core and prints a table; `out` takes the figures as JSON."""
    keep_memory()
    torch.set_num_threads(1)
    bundle = load_pretrained(weights)
    denoiser = bundle.denoiser.eval()
    mask = torch.ones(BATCH, ATOMS, dtype=torch.bool)
    noise = BatchRandomness(torch.Generator().manual_seed(0), BATCH)
    state: State = denoiser.process.prior(KnownValues.nothing(mask).values, generator=noise)
    t = Times.shared(torch.full((BATCH,), 0.5), ATOMS)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        denoiser(state, t)
    flops = counter.get_total_flops() / BATCH
    table = Table(title=f"{weights}: one core, {ATOMS} atoms, batch of {BATCH}, {flops / 1e6:.0f} MFLOP an evaluation")
    for heading in ("precision", "ms an evaluation", "share of matrix rate", "training molecules/s", "matrix GFLOP/s"):
        table.add_column(heading, justify="right")
    figures: dict[str, object] = {"mflop": flops / 1e6}
    for name, dtype in (("float32", torch.float32), ("bf16", torch.bfloat16)):
        rate = matrix_rate(dtype)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            evaluation = seconds(lambda: denoiser(state, t)) / BATCH
        config = TrainingConfig.model_validate({"model": bundle.config.model_dump(), "precision": name})
        fresh = build_denoiser(bundle.config, bundle.statistics)
        module = DiffusionModule(fresh, fresh.process, config)
        optimizer = module.configure_optimizers()["optimizer"]

        def training_step(module=module, optimizer=optimizer) -> None:
            optimizer.zero_grad()
            module.loss(state, 0)[0].backward()
            optimizer.step()
            module.average.update_parameters(module.denoiser)

        speed = BATCH / seconds(training_step)
        share = flops / evaluation / rate / 1e9
        row = {"ms": evaluation * 1e3, "share": share, "training": speed, "matrix": rate}
        figures[name] = row
        table.add_row(name, f"{row['ms']:.2f}", f"{share:.1%}", f"{speed:.0f}", f"{rate:.0f}")
    figures["peak_mib"] = peak_memory()
    Console().print(table, f"peak memory {figures['peak_mib']:.0f} MiB")
    if out:
        Path(out).write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
