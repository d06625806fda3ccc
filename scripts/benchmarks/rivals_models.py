"""The generative families of `molsets`, trained on a budget of core-minutes: shims for today's packages, and schedules.

The networks, their losses and their epochs are those of the package, but for what `CHANGES` and comments say. An epoch
of its schedules is a share of the budget instead of a pass over the data, so that learning rates and the weight of the
VAE's divergence go through all their values in a run of any length. LatentGAN has no row: it generates codes of
`ddc_pub`, a heteroencoder that molsets neither installs nor trains, so that its data and its core-minutes would not be
the same.
"""

import importlib
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.utils.data import DataLoader, RandomSampler

PAPERS = {
    "char_rnn": "autoregressive: CharRNN, Segler et al. 2018, arXiv:1701.01329",
    "vae": "variational autoencoder: Gomez-Bombarelli et al. 2018, arXiv:1610.02415",
    "aae": "adversarial autoencoder: Kadurin et al. 2017, doi:10.1021/acs.molpharmaceut.7b00346",
    "organ": "GAN: ORGAN, Guimaraes et al. 2017, arXiv:1705.10843",
}
# What differs from the package's defaults, which are for 50 to 120 passes over millions of molecules on a GPU: smaller
# batches, narrower layers, higher rates; for ORGAN, an iteration of policy gradient of seconds instead of minutes.
# CharRNN on QM9 in 12 minutes: 88 % of its SMILES have a conformer, 16 % with the defaults. The rates of the other
# three were not searched; `--set` reaches all of them.
CHANGES: dict[str, dict[str, Any]] = {
    "char_rnn": {"n_batch": 32, "hidden": 256, "lr": 5e-3},
    "vae": {"n_batch": 32, "q_d_h": 128, "d_d_h": 256, "lr_start": 2e-3, "lr_end": 2e-3},
    "aae": {"n_batch": 32, "encoder_hidden_size": 256, "decoder_hidden_size": 256, "lr": 2e-3},
    "organ": {"n_batch": 32, "hidden_size": 256, "pretraining_lr": 5e-3, "rollouts": 4, "discriminator_epochs": 2},
}
ORGAN_SHARES = {"generator": 0.6, "discriminator": 0.1, "policy gradient": 0.3}
BATCHES_FOR_DISCRIMINATOR = 256  # of data in an iteration; ORGAN samples a batch for n_batch of them
LONGEST_KERNEL = 20  # characters, of ORGAN's discriminator


class Torch:
    """`torch` with boolean masks for those of bytes, of which `~mask` selects everything today."""

    uint8 = torch.bool

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)


def molsets(name: str) -> Any:
    """A module of the package, with what it needs of older pandas, RDKit and torch."""
    import pandas as pd

    six = ModuleType("rdkit.six")
    vars(six).update(iteritems=dict.items)
    sys.modules.setdefault("rdkit.six", six)
    with patch.object(pd.DataFrame, "append", lambda a, b, sort: pd.concat([a, b], sort=sort), create=True):
        module = importlib.import_module(f"moses.{name}")
    if name.endswith(".model"):
        vars(module).update(torch=Torch())
    if name.endswith(".trainer"):
        vars(module).update(tqdm=partial(module.tqdm, disable=True))
    return module


class Batches:
    """Batches of a loader, again and again, until the processor time is over; at least one.

    Stands where the package expects a progress bar.
    """

    def __init__(self, loader: DataLoader, seconds: float) -> None:
        self.loader, self.until, self.count = loader, time.process_time() + seconds, 0

    def __iter__(self) -> Iterator[Any]:
        while True:
            for batch in self.loader:
                self.count += 1
                yield batch
                if time.process_time() >= self.until:
                    return

    def set_postfix(self, *_: Any, **__: Any) -> None:
        """Shows nothing."""

    set_postfix_str = set_postfix


@dataclass(frozen=True)
class Phase:
    """A part of a training.

    Attributes:
        name: for the record.
        share: of the budget.
        epochs: into which the share is divided.
        loader: of the data.
        run: one epoch, of its number and the batches; gives the losses.
    """

    name: str
    share: float
    epochs: int
    loader: DataLoader
    run: Callable[[int, Batches], dict[str, Any]]


class Rival:
    """One network of the package with its optimisers; fresh weights at first.

    Args:
        name: key of `PAPERS`.
        chars: of the vocabulary.
        most_chars: of a SMILES that is sampled.
        changes: of the package's configuration, after `CHANGES`.
    """

    def __init__(self, name: str, chars: str, most_chars: int, changes: dict[str, Any]) -> None:
        kinds = molsets("models_storage").ModelsStorage()
        self.name, self.chars, self.most_chars = name, chars, most_chars
        self.config: Namespace = kinds.get_model_train_parser(name)().parse_args([])
        vars(self.config).update({**CHANGES[name], "max_length": most_chars, **changes})
        for part in ("model", "trainer"):
            molsets(f"{name}.{part}")  # for its shims
        self.trainer = kinds.get_model_trainer(name)(self.config)
        self.model: Any = kinds.get_model_class(name)(self.trainer.get_vocabulary([chars]), self.config)
        if name == "organ":
            self.model.discriminator.register_forward_pre_hook(self._lengthen)
        self.optimizers = {key: self._adam(part, rate) for key, (part, rate) in self._parts().items()}

    def phases(self, smiles: Sequence[str]) -> list[Phase]:
        """The training."""
        return getattr(self, f"_{self.name}")(list(smiles))

    def sample(self, num_samples: int) -> list[str]:
        """SMILES, or what should be one."""
        # AAE ends when as many sequences have ended as one may have characters, where it means: as there are sequences.
        size, texts = self.most_chars if self.name == "aae" else 256, []
        self.model.eval()
        while len(texts) < num_samples:
            texts += self.model.sample(size, self.most_chars)
        return texts[:num_samples]

    def _parts(self) -> dict[str, tuple[list[nn.Parameter], float]]:
        """Parameters and learning rate of each optimiser."""
        model, config = self.model, self.config
        if self.name == "aae":
            autoencoder = dict.fromkeys([*model.encoder.parameters(), *model.decoder.parameters()])
            parts = {"autoencoder": list(autoencoder), "discriminator": list(model.discriminator.parameters())}
            return {key: (part, config.lr) for key, part in parts.items()}
        if self.name == "organ":
            generator, discriminator = list(model.generator.parameters()), list(model.discriminator.parameters())
            return {
                "pretraining": (generator, config.pretraining_lr),
                "generator": (generator, config.lr),
                "discriminator": (discriminator, config.lr),
            }
        return {"model": (list(model.parameters()), config.lr_start if self.name == "vae" else config.lr)}

    @staticmethod
    def _adam(parameters: list[nn.Parameter], rate: float) -> torch.optim.Adam:
        adam = torch.optim.Adam(parameters, lr=rate)
        adam.zero_grad = partial(adam.zero_grad, set_to_none=False)  # AAE clips the gradients of all parts
        return adam

    def _step_rates(self, epoch: int) -> None:
        """Sets the learning rate, which is `gamma` times that of the epoch before."""
        for adam in self.optimizers.values():
            for group in adam.param_groups:
                group["lr"] = self.config.lr * self.config.gamma**epoch

    def _steps(self) -> int:
        """Different learning rates in the package's schedule."""
        return int(self.config.train_epochs // self.config.step_size)

    def _char_rnn(self, smiles: list[str]) -> list[Phase]:
        loss = nn.CrossEntropyLoss(ignore_index=self.model.vocabulary.pad)  # the package learns to predict padding, too

        def run(epoch: int, batches: Batches) -> dict[str, Any]:
            self._step_rates(epoch)
            return self.trainer._train_epoch(self.model, batches, loss, self.optimizers["model"])

        loader = self.trainer.get_dataloader(self.model, smiles)
        return [Phase("likelihood", 1.0, self._steps(), loader, run)]

    def _vae(self, smiles: list[str]) -> list[Phase]:
        epochs = self.trainer._n_epoch()
        weight = molsets("vae.misc").KLAnnealer(epochs, self.config)

        def run(epoch: int, batches: Batches) -> dict[str, Any]:  # its learning rate is constant
            return self.trainer._train_epoch(self.model, epoch, batches, weight(epoch), self.optimizers["model"])

        return [Phase("evidence lower bound", 1.0, epochs, self.trainer.get_dataloader(self.model, smiles), run)]

    def _aae(self, smiles: list[str]) -> list[Phase]:
        losses = {"autoencoder": nn.CrossEntropyLoss(), "discriminator": nn.BCEWithLogitsLoss()}

        def run(epoch: int, batches: Batches) -> dict[str, Any]:
            self._step_rates(epoch)
            return self.trainer._train_epoch(self.model, batches, losses, self.optimizers)

        loader = self.trainer.get_dataloader(self.model, smiles)
        return [Phase("adversarial", 1.0, self._steps(), loader, run)]

    def _organ(self, smiles: list[str]) -> list[Phase]:
        trainer, model, config, adams = self.trainer, self.model, self.config, self.optimizers
        trainer.ref_smiles = trainer.ref_mols = smiles[: config.n_ref_subsample]  # its reward is validity alone
        binary = nn.BCEWithLogitsLoss()
        losses = {"generator": molsets("organ.trainer").PolicyGradientLoss(), "discriminator": binary}

        def pretrain_generator(_: int, batches: Batches) -> dict[str, Any]:
            loss = nn.CrossEntropyLoss(ignore_index=model.vocabulary.pad)
            return trainer._pretrain_generator_epoch(model, batches, loss, adams["pretraining"])

        def pretrain_discriminator(_: int, batches: Batches) -> dict[str, Any]:
            return trainer._pretrain_discriminator_epoch(model, batches, binary, adams["discriminator"])

        def reinforce(iteration: int, batches: Batches) -> dict[str, Any]:
            batches.count += 1
            return trainer._policy_gradient_iter(model, batches.loader, losses, adams, iteration)

        sequences = trainer.get_dataloader(model, smiles, trainer.generator_collate_fn(model))
        collate = trainer.discriminator_collate_fn(model)
        few = RandomSampler(smiles, num_samples=config.n_batch * BATCHES_FOR_DISCRIMINATOR)
        return [
            Phase(name, ORGAN_SHARES[name], epochs, loader, run)
            for name, epochs, loader, run in (
                ("generator", config.generator_pretrain_epochs, sequences, pretrain_generator),
                (
                    "discriminator",
                    config.discriminator_pretrain_epochs,
                    trainer.get_dataloader(model, smiles, collate),
                    pretrain_discriminator,
                ),
                (
                    "policy gradient",
                    config.pg_iters,
                    DataLoader(smiles, config.n_batch, sampler=few, collate_fn=collate),  # pyright: ignore[reportArgumentType]
                    reinforce,
                ),
            )
        ]

    def _lengthen(self, _: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        """Fills short sequences, which ORGAN's longest kernel does not fit into."""
        missing = max(0, LONGEST_KERNEL - inputs[0].shape[1])
        return (pad(inputs[0], (0, missing), value=self.model.vocabulary.pad),)
