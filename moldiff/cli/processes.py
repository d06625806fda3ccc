"""`moldiff sample` in several processes."""

from typing import TYPE_CHECKING

from moldiff.cli.drawing import Order, carry_out
from moldiff.cli.terminal import code_after, protect

if TYPE_CHECKING:
    from moldiff.generator import MoleculeGenerator
    from moldiff.sharing import SharedGenerator


def carry_out_together(order: Order, generator: "MoleculeGenerator", *, devices: int, num_nodes: int) -> int:
    """`carry_out` with the work shared out among processes; what cannot be asked for is refused before they start."""
    import torch

    from moldiff.sharing import together

    generator.iterate(0, **order.options)
    threads = max(1, torch.get_num_threads() // devices)
    told = f"{order.out}: what was written stays; --first goes on from any index"
    return together(
        _carry_out_first, order, weights=order.weights, devices=devices, num_nodes=num_nodes, num_threads=threads,
        device=generator.device.type, precision=generator.precision, told=told,
    )  # fmt: skip


def _carry_out_first(order: Order, shared: "SharedGenerator") -> int:
    """In the first of the processes, which writes."""
    protect()
    return code_after(carry_out(order, shared))
