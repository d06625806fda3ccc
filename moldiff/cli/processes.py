"""Several processes for one command: their options, and what they tell of themselves."""

import os
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from moldiff.cli.drawing import Order, carry_out

if TYPE_CHECKING:
    from moldiff.generator import MoleculeGenerator
    from moldiff.sharing import SharedGenerator

Devices = Annotated[int, Option(min=1, help="Processes on this machine, a GPU each, or a share of the cores.")]
NumNodes = Annotated[
    int, Option(min=1, help="Machines; start the command on each, with MASTER_ADDR, MASTER_PORT and NODE_RANK set.")
]


def carry_out_together(order: Order, generator: "MoleculeGenerator", *, devices: int, num_nodes: int) -> int:
    """`carry_out` with the work shared out among processes; what cannot be asked for is refused before they start."""
    from moldiff.sharing import together

    generator.iterate(0, **order.options)
    threads = max(1, (os.process_cpu_count() if hasattr(os, "process_cpu_count") else os.cpu_count() or 1) // devices)
    told = f"{order.out}: what was written stays; --first goes on from any index"
    return together(
        _carry_out, order, weights=order.weights, devices=devices, num_nodes=num_nodes, num_threads=threads,
        device=generator.device.type, told=told,
    )  # fmt: skip


def _carry_out(generator: "SharedGenerator", order: Order) -> int:
    """In the first process."""
    try:
        return carry_out(order, generator)
    except typer.Exit as end:
        return end.exit_code
