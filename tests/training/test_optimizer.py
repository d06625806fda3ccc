from multiprocessing import get_context

import pytest
import torch
from torch import distributed, nn

from moldiff.training import optimizer as module
from moldiff.training.optimizer import Muon, MuonWithAdamW, orthogonalise, share_out


def optimizer_of(model: nn.Module) -> MuonWithAdamW:
    return MuonWithAdamW(model.named_parameters(), lr=0.01, weight_decay=0.1, embeddings={"embed.weight", "embed.bias"})


def make_deep() -> tuple[nn.ModuleDict, MuonWithAdamW]:
    """With three matrices for Muon."""
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Linear(40, 64), nn.Tanh(), nn.Linear(64, 56), nn.Tanh(), nn.Linear(56, 48))
    model = nn.ModuleDict({"inner": inner, "embed": nn.Linear(40, 48), "head": nn.Linear(48, 4)})
    return model, optimizer_of(model)


def make() -> tuple[nn.ModuleDict, MuonWithAdamW]:
    torch.manual_seed(0)
    model = nn.ModuleDict({"inner": nn.Linear(40, 48), "embed": nn.Linear(40, 48), "head": nn.Linear(48, 4)})
    return model, optimizer_of(model)


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
    second = optimizer_of(other)
    if restore:
        second.load_state_dict(first.state_dict())
    for seed in range(3, 6):
        step(other, second, seed)
    return list(model.parameters()), list(other.parameters())


def test_optimizer_goes_on_bit_for_bit():
    assert all(torch.equal(a, b) for a, b in zip(*run_interrupted(restore=True), strict=True))


def test_optimizer_law_catches_a_lost_state():
    assert not all(torch.equal(a, b) for a, b in zip(*run_interrupted(restore=False), strict=True))


# Three matrices; one, so that a process has none; and a planted fault: a process forgets a momentum that another uses.
WAYS = ("whole", "few", "lost")


def trained_with_muon(rank: int, world: int, file: str) -> None:
    """Three steps in which all processes meet the same gradients; what each ends with, into a file of its own."""
    if world > 1:
        distributed.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=world)
    for way in WAYS:
        model, optimizer = make() if way == "few" else make_deep()
        for seed in range(3):
            step(model, optimizer, seed)
            if way == "lost" and seed == 0 and rank == 0:
                optimizer.parts["muon"].state.clear()
        state = optimizer.parts["muon"].state_dict()["state"]
        torch.save({"weights": model.state_dict(), "momenta": state}, f"{file}-{way}-{world}-{rank}")
    if world > 1:
        distributed.destroy_process_group()


Trained = tuple[dict, list[dict]]  # what one process ends with, and what two do


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trained]:
    """By the way; two processes are started once for all."""
    file = str(tmp_path_factory.mktemp("muon") / "meeting")
    trained_with_muon(0, 1, file)
    context = get_context("spawn")
    processes = [context.Process(target=trained_with_muon, args=(rank, 2, file)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    places = ((1, 0), (2, 0), (2, 1))
    found = {way: [torch.load(f"{file}-{way}-{n}-{rank}", weights_only=True) for n, rank in places] for way in WAYS}
    return {way: (alone, two) for way, (alone, *two) in found.items()}


def same(one: dict, other: dict) -> bool:
    flat = [torch.cat([v.flatten() for v in found["weights"].values()]) for found in (one, other)]
    momenta = [[entry["momentum_buffer"] for _, entry in sorted(found["momenta"].items())] for found in (one, other)]
    return torch.equal(*flat) and all(torch.equal(a, b) for a, b in zip(*momenta, strict=True))


def test_processes_share_the_matrices_and_end_with_the_same_weights(trained: dict[str, Trained]):
    alone, two = trained["whole"]
    assert all(same(alone, each) for each in two)
    assert len(alone["momenta"]) == 3


def test_a_process_without_a_matrix_takes_part(trained: dict[str, Trained]):
    alone, two = trained["few"]
    assert all(same(alone, each) for each in two)
    assert len(alone["momenta"]) == 1


def test_law_of_shared_matrices_catches_a_lost_momentum(trained: dict[str, Trained]):
    alone, two = trained["lost"]
    assert not all(same(alone, each) for each in two)


def test_matrices_are_shared_out_by_their_cost():
    shapes = [(40, 48), (200, 300), (100, 100), (190, 300), (60, 60)]
    matrices = [nn.Parameter(torch.zeros(shape)) for shape in shapes]
    lists = share_out(matrices, 2)
    assert sorted(id(m) for each in lists for m in each) == sorted(id(m) for m in matrices)
    assert [tuple(m.shape) for m in lists[0]] == [(200, 300), (40, 48)]
    assert share_out(matrices, 1)[0][0] is matrices[1]


@pytest.mark.parametrize("shape", [(40, 64), (64, 40), (48, 48)])
def test_muon_is_that_of_torch_where_bf16_is_native_and_near_it_elsewhere(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
):
    def moved(kind: type[torch.optim.Muon], **options: str) -> torch.Tensor:
        generator = torch.Generator().manual_seed(1)
        matrix = nn.Parameter(torch.randn(shape, generator=generator))
        optimizer = kind([matrix], lr=0.01, weight_decay=0.1, **options)  # pyright: ignore
        for _ in range(3):
            matrix.grad = torch.randn(shape, generator=generator)
            optimizer.step()
        return matrix.detach()

    theirs = moved(torch.optim.Muon, adjust_lr_fn="match_rms_adamw")
    monkeypatch.setattr(module, "use_bf16", lambda *_: True)
    assert torch.equal(moved(Muon), theirs)
    monkeypatch.setattr(module, "use_bf16", lambda *_: False)
    ours = moved(Muon)
    assert not torch.equal(ours, theirs)
    assert torch.allclose(ours, theirs, atol=2e-3)  # three steps of 0.01 x 0.2 x 8 x about 1/7


def test_orthogonalised_keeps_directions_and_evens_out_their_strengths():
    left, right = (torch.linalg.qr(torch.randn(n, 32, dtype=torch.float64))[0] for n in (48, 40))
    strengths = torch.linspace(0.2, 3, 32, dtype=torch.float64)
    out = orthogonalise(left @ strengths.diag() @ right.T, (3.4445, -4.7750, 2.0315))
    core = left.T @ out @ right
    assert core.diagonal().min() > 0.6
    assert core.diagonal().max() < 1.3
    assert torch.allclose(core, core.diagonal().diag(), atol=1e-9)
