import pytest
import torch
from torch import nn

from moldiff.training.optimizer import MuonWithAdamW


def make() -> tuple[nn.ModuleDict, MuonWithAdamW]:
    torch.manual_seed(0)
    model = nn.ModuleDict({"inner": nn.Linear(40, 48), "embed": nn.Linear(40, 48), "head": nn.Linear(48, 4)})
    return model, MuonWithAdamW(model.named_parameters(), lr=0.01, weight_decay=0.1)


def step(model: nn.ModuleDict, optimizer: MuonWithAdamW, seed: int) -> None:
    x = torch.randn(8, 40, generator=torch.Generator().manual_seed(seed))
    optimizer.zero_grad()
    model["head"](torch.tanh(model["inner"](x) + model["embed"](x))).square().mean().backward()
    optimizer.step()


def test_optimizer_gives_every_parameter_to_one_part():
    model, optimizer = make()
    owned = {
        name: [p for group in part.param_groups for p in group["params"]] for name, part in optimizer.parts.items()
    }
    assert [id(p) for p in owned["muon"]] == [id(model["inner"].weight)]
    assert sorted(id(p) for ps in owned.values() for p in ps) == sorted(id(p) for p in model.parameters())
    decayed = [p for group in optimizer.param_groups if group["weight_decay"] for p in group["params"]]
    assert sorted(id(p) for p in decayed) == sorted(id(p) for p in model.parameters() if p.ndim == 2)


def test_optimizer_parts_follow_one_schedule():
    model, optimizer = make()
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
    for _ in range(3):
        step(model, optimizer, 0)
        schedule.step()
    rates = [group["lr"] for part in optimizer.parts.values() for group in part.param_groups]
    assert rates == pytest.approx([0.01 / 8] * 3)


def test_optimizer_moves_every_parameter():
    model, optimizer = make()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    step(model, optimizer, 0)
    assert all(bool((p != before[name]).any()) for name, p in model.named_parameters())


def run_interrupted(*, restore: bool) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Weights after six steps: at one go, and with a new optimiser after three."""
    model, optimizer = make()
    for seed in range(6):
        step(model, optimizer, seed)
    other, first = make()
    for seed in range(3):
        step(other, first, seed)
    second = MuonWithAdamW(other.named_parameters(), lr=0.01, weight_decay=0.1)
    if restore:
        second.load_state_dict(first.state_dict())
    for seed in range(3, 6):
        step(other, second, seed)
    return list(model.parameters()), list(other.parameters())


def test_optimizer_goes_on_bit_for_bit():
    assert all(torch.equal(a, b) for a, b in zip(*run_interrupted(restore=True), strict=True))


def test_optimizer_law_catches_a_lost_state():
    assert not all(torch.equal(a, b) for a, b in zip(*run_interrupted(restore=False), strict=True))
