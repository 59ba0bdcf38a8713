"""What the flight recorder costs a small transformer: the time of a step with it and without.

``python bench/record_overhead.py`` trains one model in one process and has its steps recorded in turn: not at all, by
``Recorder``, by the hooks of ``nanlog record``, and every tenth by the probe.  So a busy machine disturbs all of them
alike.  On the CPU the time is that of the processor; ``--device cuda`` takes that of the clock.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from nanlog.record import Recorder
from nanlog.record.bundle import About
from nanlog.record.flight import Settings
from nanlog.record.script.cast import Cast
from nanlog.record.script.probing import Probing
from nanlog.record.script.watch import Watch
from nanlog.replay.worker.probe import Probe

KINDS = {
    "plain": "the loop alone",
    "recorder": "with recorder.step(batch):",
    "hooks": "nanlog record, after its first seconds",
    "probe": "the probe",
}
ORDER = ("plain", "recorder", "plain", "hooks") * 5 + ("probe",)


class Training:
    """A decoder with 4 layers of width 256 on 16 rows of 64 tokens."""

    def __init__(self, device: str) -> None:
        torch.manual_seed(0)
        layer = nn.TransformerEncoderLayer(256, 4, 1024, dropout=0.1, batch_first=True)
        parts = nn.Embedding(1000, 256), nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
        self.model = nn.Sequential(*parts, nn.Linear(256, 1000)).to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4)
        self.device = device

    def step(self, words: torch.Tensor) -> None:
        given = words.to(self.device)
        out = self.model(given[:, :-1])
        loss = nn.functional.cross_entropy(out.flatten(0, 1), given[:, 1:].flatten())
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


class Contexts:
    """What a step of each kind runs in."""

    def __init__(self, training: Training, folder: Path) -> None:
        self.training = training
        self.recorder = Recorder(training.model, training.optimizer, folder=folder / "recorder")
        cast = Cast(Settings(folder / "hooks"), About(), lambda: None)
        cast.add_optimizer(training.optimizer)
        self.watch = Watch(cast, Probing(None, None), stop=False)

    def of(self, kind: str, words: torch.Tensor) -> contextlib.AbstractContextManager[object]:
        if kind == "recorder":
            return self.recorder.step(words)
        if kind == "hooks":
            return self._hooks()
        return Probe(self.training.model, inputs=words, ranges=False) if kind == "probe" else contextlib.nullcontext()

    @contextlib.contextmanager
    def _hooks(self) -> Iterator[None]:
        self.watch.attach()
        try:
            yield
        finally:
            self.watch.detach()


def measured(device: str, rounds: int, folder: Path) -> dict[str, list[float]]:
    """Seconds of each step, by kind."""
    training = Training(device)
    contexts = Contexts(training, folder)
    clock = time.process_time if device == "cpu" else time.perf_counter
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for turn in range(rounds + 1):
        for kind in ORDER:
            words = torch.randint(0, 1000, (16, 65))
            began = clock()
            with contexts.of(kind, words):
                training.step(words)
            if device == "cuda":
                torch.cuda.synchronize()
            if turn:  # the first turn warms up
                seconds[kind].append(clock() - began)
    contexts.recorder.close()
    contexts.watch.cast.flight.close()
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=10)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seconds = measured(asked.device, asked.rounds, Path(folder))
    plain = statistics.median(seconds["plain"])
    mean = statistics.fmean(seconds["plain"])
    for kind, title in KINDS.items():
        middle, whole = statistics.median(seconds[kind]), statistics.fmean(seconds[kind])
        print(f"{title:40} median {middle * 1e3:7.2f} ms {middle / plain - 1:+7.1%}   mean {whole / mean - 1:+7.1%}")


if __name__ == "__main__":
    main()
