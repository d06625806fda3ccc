import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from damage import damaged_bytes, damaged_json

from moldiff.config.sampler import SamplerConfig
from moldiff.diffusion.random import SampleRandomness
from moldiff.errors import OutputError, WeightsError
from moldiff.pretrained.bundle import load_pretrained, save_pretrained
from moldiff.pretrained.format import shipped_weights
from moldiff.sampling.inpainting import KnownValues
from moldiff.state import Prediction

HTML = "<!DOCTYPE html>\n<html><body>Sign in to continue</body></html>\n"
FILES = ["card.md", "config.json", "model.safetensors", "statistics.json", "vocabulary.json"]


def predict(bundle) -> Prediction:
    known = KnownValues.nothing(torch.ones(2, 5, dtype=torch.bool))
    noise = SampleRandomness(0, [0, 1], torch.tensor([5, 5]))
    with torch.no_grad():
        return bundle.denoiser(bundle.denoiser.process.prior(known.values, generator=noise), known.times(0.5))


def test_bundle_comes_back_as_it_was(weights: Path, tmp_path: Path):
    first = load_pretrained(weights)
    sampler = SamplerConfig(solver="ddim", eta=0.5, temperature=0.9, num_steps=7, x0_std=(0.0, 0.5, 1.2))
    save_pretrained(
        tmp_path / "copy",
        first.denoiser,
        config=first.config,
        statistics=first.statistics,
        card="# new\n",
        sampler=sampler,
    )
    again = load_pretrained(str(tmp_path / "copy"))
    assert (again.config, again.statistics, again.vocabulary) == (first.config, first.statistics, first.vocabulary)
    assert (again.sampler, again.card) == (sampler, "# new\n")
    one, two = predict(first), predict(again)
    assert one.pos.abs().max() > 0.1
    for name in ("pos", "atom", "bond"):
        torch.testing.assert_close(getattr(one, name), getattr(two, name), rtol=0, atol=0)
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == FILES
    assert not any(path.name.startswith(".") for path in tmp_path.iterdir())


def test_bundle_knows_a_changed_weight(weights: Path, tmp_path: Path):
    """Twin of the law above: a single changed number shows."""
    tensors = safetensors.torch.load_file(weights / "model.safetensors")
    tensors["network.atom_head.bias"][0] += 1.0
    copy = Path(shutil.copytree(weights, tmp_path / "copy"))
    safetensors.torch.save_file(tensors, copy / "model.safetensors")
    assert not torch.equal(predict(load_pretrained(weights)).atom, predict(load_pretrained(copy)).atom)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_bundle_rounds_to_half_the_size(dtype: torch.dtype, weights: Path, tmp_path: Path):
    first = load_pretrained(weights)
    save_pretrained(
        tmp_path / "half", first.denoiser, config=first.config, statistics=first.statistics, card="", dtype=dtype
    )
    again = load_pretrained(tmp_path / "half")
    assert {tensor.dtype for tensor in again.denoiser.state_dict().values()} == {torch.float32}
    torch.testing.assert_close(predict(again).atom, predict(first).atom, rtol=0.1, atol=0.1)
    numbers = sum(tensor.numel() for tensor in first.denoiser.state_dict().values())
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (weights, tmp_path / "half")]
    assert sizes[0] - sizes[1] == pytest.approx(2 * numbers, abs=500)


def edit_json(name: str, change: Callable[[dict], object]) -> Callable[[Path], object]:
    def edit(folder: Path) -> None:
        value = json.loads((folder / name).read_text())
        change(value)
        (folder / name).write_text(json.dumps(value))

    return edit


def edit_tensors(change: Callable[[dict], object]) -> Callable[[Path], object]:
    def edit(folder: Path) -> None:
        tensors = safetensors.torch.load_file(folder / "model.safetensors")
        change(tensors)
        safetensors.torch.save_file(tensors, folder / "model.safetensors")

    return edit


def write(name: str, content: str | bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def cut(name: str, keep: float) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(
        (folder / name).read_bytes()[: int(keep * (folder / name).stat().st_size)]
    )


BIAS = "network.atom_head.bias"
BAD = {
    "empty tensors": (write("model.safetensors", b""), "model.safetensors: is empty"),
    "web page as tensors": (write("model.safetensors", HTML), "model.safetensors: is a web page"),
    "tensors cut in the header": (cut("model.safetensors", 0.1), "model.safetensors: is truncated or no safetensors"),
    "tensors cut in the body": (cut("model.safetensors", 0.9), "model.safetensors: is truncated or no safetensors"),
    "a pickle": (write("model.safetensors", b"\x80\x04\x95" + b"x" * 99), "is truncated or no safetensors file"),
    "tensor missing": (edit_tensors(lambda t: t.pop(BIAS)), f"tensor '{BIAS}' is missing"),
    "tensor unknown": (edit_tensors(lambda t: t.update(other=torch.ones(2))), "tensor 'other' is unknown"),
    "tensor of another shape": (
        edit_tensors(lambda t: t.update({BIAS: torch.ones(3)})),
        f"tensor '{BIAS}' is 3, config.json asks for 9",
    ),
    "tensor of integers": (edit_tensors(lambda t: t.update({BIAS: torch.ones(9).long()})), "is I64, expected one of"),
    "tensor with NaN": (edit_tensors(lambda t: t[BIAS].fill_(torch.nan)), f"tensor '{BIAS}' holds .* not finite"),
    "empty config": (write("config.json", ""), "config.json: is empty"),
    "web page as config": (write("config.json", HTML), "config.json: is a web page"),
    "config cut": (cut("config.json", 0.5), "config.json: is truncated or no JSON"),
    "config is a list": (write("config.json", "[]"), "config.json: holds a list, expected an object"),
    "foreign config": (write("config.json", '{"hidden_size": 64}'), "config.json: "),
    "misspelt key": (
        edit_json("config.json", lambda c: c["model"]["network"].update(num_block=3)),
        "unknown key 'model.network.num_block'; did you mean 'num_blocks'",
    ),
    "later version": (edit_json("config.json", lambda c: c.update(format_version=3)), "config.json: format_version"),
    "other network": (edit_json("config.json", lambda c: c["model"]["network"].update(atom=32)), "config.json asks"),
    "monstrous network": (
        edit_json("config.json", lambda c: c["model"]["network"].update(atom=4 * 10**12)),
        "asks for a width of 4000000000000",
    ),
    "other classes": (edit_json("vocabulary.json", lambda v: v["labels"].reverse()), "of different bundles"),
    "no element": (edit_json("vocabulary.json", lambda v: v["labels"].append("Xx")), "'Xx' is no element"),
    "no statistics": (write("statistics.json", "{}"), "statistics.json: missing keys"),
    "statistics of nothing": (edit_json("statistics.json", lambda s: s.update(sizes={})), "statistics.json: .*sizes"),
    "NaN in statistics": (
        edit_json("statistics.json", lambda s: s.update(pos_scale=float("nan"))),
        "statistics.json: .*NaN is no number",
    ),
    "format of another kind": (edit_json("config.json", lambda c: c.update(format=["moldiff-weights"])), "format: "),
    "long value": (edit_json("config.json", lambda c: c.pop("model")), "model: Field required, got .*\\.\\.\\.; fetch"),
    "deep config": (write("config.json", "[" * 100_000), "config.json: is truncated or no JSON"),
    "monstrous charge": (
        edit_json("vocabulary.json", lambda v: v["labels"].append("N+" + "9" * 30)),
        "vocabulary.json: atom class 'N",
    ),
    "monstrous sizes": (
        edit_json("statistics.json", lambda s: s.update(sizes={"1000000000": 160})),
        "statistics.json: .*1 to 1000",
    ),
    "score that is none": (
        edit_json("statistics.json", lambda s: s.update(score={"num_requested": 1, "rates": [], "failures": {}})),
        "statistics.json: a value is of the wrong kind",
    ),
    "score of more than all": (
        edit_json(
            "statistics.json",
            lambda s: s.update(
                score={"num_requested": 1, "rates": {"valid": {"numerator": 2, "denominator": 1}}, "failures": {}}
            ),
        ),
        "statistics.json: .*a score of counts that are none",
    ),
    "condition of another kind": (
        edit_json("statistics.json", lambda s: s.update(conditions=[{"name": 1}])),
        "statistics.json: condition: keys",
    ),
    "binary statistics": (write("statistics.json", b"\xff\xfe\x00"), "statistics.json: is no text"),
    **{
        f"no {name}": (lambda folder, name=name: (folder / name).unlink(), f"no complete weights bundle, {name} is")
        for name in FILES
    },
}


@pytest.mark.parametrize("case", BAD)
def test_bundle_with_a_bad_file_is_one_clear_line(case: str, weights: Path, tmp_path: Path):
    spoil, message = BAD[case]
    folder = Path(shutil.copytree(weights, tmp_path / "bad"))
    spoil(folder)
    with pytest.raises(WeightsError, match=message) as caught:
        load_pretrained(folder)
    text = str(caught.value)
    assert "\n" not in text
    assert str(folder) in text
    assert len(text) < 500


def test_bundle_that_opens_is_whole_whatever_was_done_to_it(weights: Path, tmp_path: Path):
    folder = Path(shutil.copytree(weights, tmp_path / "bad"))
    whole = {name: (folder / name).read_bytes() for name in FILES}
    header = 8 + int.from_bytes(whole["model.safetensors"][:8], "little")
    refused, opened = [], 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        name = FILES[seed % len(FILES)]
        if name.endswith(".json") and seed % 2:
            (folder / name).write_text(damaged_json(whole[name].decode(), rng))
        elif name == "model.safetensors" and seed % 2:
            (folder / name).write_bytes(damaged_bytes(whole[name][:header], rng) + whole[name][header:])
        else:
            (folder / name).write_bytes(damaged_bytes(whole[name], rng))
        try:
            bundle = load_pretrained(folder)
        except WeightsError as error:
            refused.append(str(error))
        else:
            assert all(tensor.isfinite().all() for tensor in bundle.denoiser.state_dict().values())
            opened += 1
        (folder / name).write_bytes(whole[name])
    assert len(refused) > 90
    assert [text for text in refused if str(folder) not in text or "\n" in text or len(text) > 600] == []
    assert opened > 10  # a changed card, a changed weight


def test_bundle_of_an_unknown_name_lists_what_there_is():
    with pytest.raises(WeightsError, match=re.escape("weights 'qm8': no such folder")) as caught:
        load_pretrained("qm8")
    assert all(name in str(caught.value) for name in shipped_weights())


def test_bundle_is_either_whole_or_absent(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    bundle = load_pretrained(weights)
    parts = {"config": bundle.config, "statistics": bundle.statistics, "card": ""}

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match="No space left"):
        save_pretrained(tmp_path / "new", bundle.denoiser, **parts)
    assert not list(tmp_path.iterdir())


def test_bundle_replaces_only_bundles_and_only_if_allowed(weights: Path, tmp_path: Path):
    bundle = load_pretrained(weights)
    parts = {"config": bundle.config, "statistics": bundle.statistics}
    folder, other = tmp_path / "new", tmp_path / "thesis"
    save_pretrained(folder, bundle.denoiser, card="one", **parts)
    with pytest.raises(OutputError, match="allow it to be overwritten"):
        save_pretrained(folder, bundle.denoiser, card="two", **parts)
    save_pretrained(folder, bundle.denoiser, card="two", overwrite=True, **parts)
    assert load_pretrained(folder).card == "two"
    other.mkdir()
    (other / "chapter.txt").write_text("years of work")
    with pytest.raises(OutputError, match="name another"):
        save_pretrained(other, bundle.denoiser, card="", overwrite=True, **parts)
    assert (other / "chapter.txt").exists()
    with pytest.raises(OutputError, match="cannot be written"):
        save_pretrained(other / "chapter.txt" / "x", bundle.denoiser, card="", **parts)


def test_bundle_is_not_made_of_broken_weights(weights: Path, tmp_path: Path):
    bundle = load_pretrained(weights)
    with torch.no_grad():
        bundle.denoiser.network.atom_head.bias[0] = torch.inf  # pyright: ignore[reportIndexIssue]
    with pytest.raises(WeightsError, match=r"network\.atom_head\.bias"):
        save_pretrained(tmp_path / "x", bundle.denoiser, config=bundle.config, statistics=bundle.statistics, card="")
    assert not (tmp_path / "x").exists()
