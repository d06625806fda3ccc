"""What happens beside the optimisation: progress and log, checkpoints, scored samples, the end."""

import csv
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import lightning as pl
import torch
from torch import nn

from moldiff.errors import OutputError
from moldiff.runtime.interrupt import Interrupt
from moldiff.runtime.lightning_logging import quiet_lightning
from moldiff.runtime.memory import keep_memory
from moldiff.runtime.progress import Progress, terminal_of_errors
from moldiff.training.base_module import AveragedModule

LOG_INTERVAL = 50  # steps
COLUMNS = ("step", "num_seen", "seconds", "learning_rate")  # before the values that a run logs


class ProgressAndLog(pl.Callback):
    """How far the training is, and every so many steps a line of means in `metrics.csv`.

    Args:
        path: the CSV file; lines are added to what is there.
        values: that the module logs; the first is shown.
        every: steps to a line.
    """

    def __init__(
        self, path: Path, *, values: Sequence[str] = ("loss", "pos", "atom", "bond"), every: int = LOG_INTERVAL
    ) -> None:
        self.path, self.values, self.every = path, values, every
        self.sums, self.count, self.started = {}, 0, time.monotonic()
        self.progress: Progress | None = None  # in the processes that train only

    def on_train_start(self, trainer: pl.Trainer, pl_module: AveragedModule) -> None:
        """Begins; of processes that train together only the first shows and writes."""
        self.writes = trainer.is_global_zero
        self.started, seen = time.monotonic(), int(pl_module.num_seen)
        self.progress = Progress("training", unit="molecules", console=terminal_of_errors() if self.writes else None)
        self.progress.__enter__()
        self.progress.begin("training", total=pl_module.config.num_training_molecules, done=seen)
        if self.writes:
            append_row(self.path, (*COLUMNS, *self.values))

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: AveragedModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Adds up, and now and then writes."""
        self.count += 1
        for key in self.values:
            self.sums[key] = self.sums.get(key, 0.0) + float(trainer.callback_metrics[key])
        seen, seconds = int(pl_module.num_seen), time.monotonic() - self.started
        if self.progress is not None:
            shown = f"{self.values[0].replace('_', ' ')} {self.sums[self.values[0]] / self.count:.3f}"
            self.progress.advance(seen - self.progress.done, note=shown)
        if trainer.global_step % self.every == 0:
            means = [f"{self.sums[key] / self.count:.5f}" for key in self.values]
            rate_now = trainer.optimizers[0].param_groups[0]["lr"]
            if self.writes:
                row = [trainer.global_step, seen, f"{seconds:.1f}", f"{rate_now:.3g}", *means]
                append_row(self.path, (*COLUMNS, *self.values), row)
            self.sums, self.count = {}, 0

    def on_train_end(self, trainer: pl.Trainer, pl_module: AveragedModule) -> None:
        """Ends."""
        if self.progress is not None:
            self.progress.__exit__(None, None, None)

    def on_exception(self, trainer: pl.Trainer, pl_module: AveragedModule, exception: BaseException) -> None:
        """Ends."""
        if self.progress is not None:
            self.progress.__exit__(None, None, None)


class TimedCheckpoint(pl.Callback):
    """Writes the whole state to one file every few minutes and at the end; the file is never half written.

    Args:
        path: the checkpoint.
        minutes: between two writes.
    """

    def __init__(self, path: Path, *, minutes: float) -> None:
        self.path, self.seconds, self.last = path, 60 * minutes, time.monotonic()
        self.written = -1  # step

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: AveragedModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Writes when it is time, and ends the run when all molecules were seen."""
        trainer.should_stop |= int(pl_module.num_seen) >= pl_module.config.num_training_molecules
        due = time.monotonic() - self.last >= self.seconds
        if trainer.should_stop or trainer.strategy.broadcast(due):  # the clock of the first process counts
            self.write(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: AveragedModule) -> None:
        """Writes what another callback stopped after the last write."""
        if trainer.global_step != self.written:
            self.write(trainer)

    def write(self, trainer: pl.Trainer) -> None:
        """Writes beside, then renames.

        Args:
            trainer: whose state is written.

        Raises:
            OutputError: if the disk is full or the folder cannot be written.
        """
        beside = self.path.with_suffix(".part")
        try:
            trainer.save_checkpoint(beside)
            if trainer.is_global_zero:
                os.replace(beside, self.path)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
            beside.unlink(missing_ok=True)
            raise OutputError(f"{self.path}: checkpoint cannot be written: {error}") from error
        self.last, self.written = time.monotonic(), trainer.global_step


class Threads(pl.Callback):
    """Sets up each process that trains: its memory, and how many threads torch may use.

    Args:
        count: of threads; 0 leaves the choice to torch.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        quiet_lightning()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Arrives in another process, where Lightning speaks again."""
        self.__dict__ = state
        quiet_lightning()

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """In the process itself, before any work."""
        keep_memory()
        if self.count:
            torch.set_num_threads(self.count)


class StopOnInterrupt(pl.Callback):
    """Ctrl-C ends the run after the step that it falls into, the same for all processes."""

    def __init__(self) -> None:
        self.interrupt = Interrupt()

    def on_train_start(self, trainer: pl.Trainer, pl_module: AveragedModule) -> None:
        """Begins to listen."""
        self.interrupt.__enter__()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: AveragedModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stops if asked to."""
        trainer.should_stop |= trainer.strategy.reduce_boolean_decision(self.interrupt.requested, all=False)

    def teardown(self, trainer: pl.Trainer, pl_module: AveragedModule, stage: str) -> None:
        """No longer listens."""
        self.interrupt.__exit__()


class ValidationLog(pl.Callback):
    """Writes the losses on held-out molecules.

    Args:
        path: a CSV file; lines are added.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_validation_end(self, trainer: pl.Trainer, pl_module: AveragedModule) -> None:
        """Adds a line."""
        if trainer.is_global_zero:
            values = {n[4:]: float(v) for n, v in trainer.callback_metrics.items() if n.startswith("val_")}
            row = [trainer.global_step, int(pl_module.num_seen), *(f"{value:.5f}" for value in values.values())]
            append_row(self.path, ["step", "num_seen", *values], row)


def append_row(path: Path, columns: Iterable[str], row: Sequence[Any] = ()) -> None:
    """Adds a line to a CSV file, and the head to a new one; an `OutputError` if it cannot be written."""
    try:
        new = not path.exists()
        with path.open("a", newline="") as file:
            csv.writer(file).writerows([*([columns] if new else []), *([row] if row else [])])
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error


class ScoredSamples(pl.Callback):
    """Draws molecules from the averaged weights now and then and logs their scores.

    Args:
        path: a CSV file; lines are added.
        minutes: between two draws; 0 for never.
        sample_and_score: gives rates by name for a denoiser.
    """

    def __init__(
        self, path: Path, *, minutes: float, sample_and_score: Callable[[nn.Module], dict[str, float]]
    ) -> None:
        self.path, self.seconds, self.last = path, 60 * minutes, time.monotonic()
        self.sample_and_score = sample_and_score

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: AveragedModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Scores when it is time."""
        if not trainer.is_global_zero or self.seconds == 0 or time.monotonic() - self.last < self.seconds:
            return
        with torch.no_grad():
            rates = self.sample_and_score(pl_module.average.module)
        row = [trainer.global_step, int(pl_module.num_seen), *(f"{value:.4f}" for value in rates.values())]
        append_row(self.path, ["step", "num_seen", *rates], row)
        self.last = time.monotonic()
