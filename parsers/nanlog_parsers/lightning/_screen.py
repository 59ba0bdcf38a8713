"""What a training printed: bars, messages, tracebacks, in the order of the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from nanlog.model import Block, BlockBuilder, FactValue, Mark, MarkKind, Phase, Source
from nanlog_parsers._names import Names
from nanlog_parsers._numbers import value_of
from nanlog_parsers._states import bulk

from ._bars import Bar, Kind, bars, goes_on, rich_items
from ._messages import HEADER, Message, checkpoint_place, message, split
from ._progress import Progress
from ._tracebacks import Anomaly, Raised, Tracebacks

__all__ = ["read_screen"]

_LONGEST_TEXT = 1000
#: More lines below a Rich bar are not its metrics.
_MOST_LINES = 300
_MOST_LAYERS = 10_000
#: What the frames of tables are drawn with.
_FRAME = frozenset("─━│┃┏┓┗┛┡┩┢┪╇┳┻└┘┴┬├┤┼╞╡═ -")


def read_screen(source: Source, file: str, names: Names, stream: str, shift: int = 0) -> Iterator[Block]:
    """Read one log; ``shift`` is added to the count of batches to make it a step."""
    screen = _Screen(BlockBuilder(file, stream), Progress(names, shift))
    for states in bulk(source.pieces(file)):
        for line, text in _last_words(states):
            screen.read(line, text)
        yield screen.rows.build()
    screen.finish()
    yield screen.rows.build()


def _last_words(states: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Leave out a state of a bar where the next one tells of the same batch again."""
    before: tuple[int, str] | None = None
    head = ""
    for state in states:
        line, text = state
        drawn = text.partition(" [")[0]
        is_again = drawn == head and drawn.startswith("Epoch ") and before is not None and before[0] == line
        if before is not None and not (is_again and before[1].endswith("]")):
            yield before
        before, head = state, drawn
    if before is not None:
        yield before


class _Screen:
    def __init__(self, rows: BlockBuilder, progress: Progress) -> None:
        self.rows = rows
        self._progress = progress
        self._tracebacks = Tracebacks()
        self._rich: tuple[Bar, list[tuple[int, str]]] | None = None
        self._is_fresh = True
        self._frames: int | None = None  #: how many frames were drawn below the head of a table of results
        self._facts: set[tuple[str, FactValue]] = set()
        self._resumed_from = ""
        self._layers = 0
        self._line = 0

    def read(self, line: int, text: str) -> None:
        """Take one state."""
        self._line = line
        if self._rich is not None and goes_on(text):
            self._more_of_rich(line, text)
            return
        for part in bars(line, text) if "it/s" in text or "s/it" in text else (text,):
            if isinstance(part, Bar):
                self._bar(part, line)
            else:
                self._rich_ends()
                self._other(line, part)

    def finish(self) -> None:
        """The log is over."""
        self._rich_ends()
        self._progress.flush(self.rows)
        self._progress.tell_length(self._line, self.rows)

    def _bar(self, bar: Bar, line: int) -> None:
        if bar.kind is Kind.VALIDATION and self._progress.counts_validation:
            # Rich draws the training, which counts this batch already, above the validation
            self._progress.take(bar, line, self.rows)
        self._rich_ends()
        if self._progress.falls_back(bar):
            self._begins(line, bar.what)
        if bar.tail is None:
            self._draw(bar, line)
            return
        self._rich = bar, []
        self._more_of_rich(line, bar.tail)

    def _draw(self, bar: Bar, line: int) -> None:
        self._progress.take(bar, line, self.rows)
        if bar.kind is Kind.TRAINING and bar.batch:
            self._is_fresh = False
            self._fact("framework", "lightning", line)

    def _more_of_rich(self, line: int, text: str) -> None:
        for part, is_message in split(text):
            if is_message:
                self._rich_ends()
                self._other(line, part)
            elif self._rich is not None and len(self._rich[1]) < _MOST_LINES:
                self._rich[1].append((line, part))

    def _rich_ends(self) -> None:
        if self._rich is not None:
            (bar, lines), self._rich = self._rich, None
            self._draw(replace(bar, items=rich_items(lines)), lines[0][0] if lines else self._line)

    def _other(self, line: int, text: str) -> None:
        ended = self._tracebacks.read(text)
        for each in ended or ():
            self._raised(each, line)
        if ended is None:
            for part, _ in split(text):
                if (said := message(part)) is not None:
                    self._said(said, line)
                elif self._frames is not None and part.strip():
                    self._frames = self._frames + 1 if _FRAME.issuperset(part) and not self._frames else None

    def _raised(self, raised: Raised | Anomaly, line: int) -> None:
        self._progress.flush(self.rows)
        self._is_fresh = False
        step = self._progress.step
        if isinstance(raised, Raised):
            is_interrupted = raised.text.startswith("KeyboardInterrupt")
            self._mark(MarkKind.STOPPED_EARLY if is_interrupted else MarkKind.EXCEPTION, line, step, raised.text)
            return
        # nothing but the batch after the last one drawn is known to be finite
        after = None if step is None else step + 1
        self._mark(MarkKind.NONFINITE, line, after, raised.text, phase=Phase.BACKWARD)
        self.rows.fact("anomaly.function", raised.function, line)
        if (frame := raised.forward) is not None:
            self.rows.fact("anomaly.file", frame.file, line)
            self.rows.fact("anomaly.line", frame.line, line)
            if frame.code:
                self.rows.fact("anomaly.code", frame.code, line)

    def _said(self, said: Message, line: int) -> None:
        says = said.says
        self._fact("framework", "lightning", line)
        if said.kind in HEADER:
            self._begins(line, said.text)
        match said.kind:
            case "not_finite":
                self._mark(MarkKind.NONFINITE, line, self._progress.step, said.text)
                self._tells(says, self._progress.step, line)
            case "loss_not_finite" | "parameter_not_finite":
                self._mark(MarkKind.NONFINITE, line, self._progress.step, said.text, layer=says.get("layer"))
            case "diverged":
                self._mark(MarkKind.NOTE, line, self._progress.step, said.text)
            case "patience" | "threshold" | "time_limit" | "stopped":
                self._mark(MarkKind.END, line, self._progress.step, said.text)
                if "key" in says:
                    self._fact(f"trainer.{says['key']}", int(says["limit"]), line)
            case "interrupted":
                self._mark(MarkKind.STOPPED_EARLY, line, self._progress.step, said.text)
            case "improved":
                self._tells(says, self._progress.step, line)
            case "reached":
                self._reached(says, line)
            case "restoring":
                self._restoring(says["file"], line)
            case "result":
                if self._frames is not None:
                    self._tells(says, self._progress.step, line)
            case "results":
                self._progress.flush(self.rows)
                self._frames = 0
            case _:
                self._setting(said, line)

    def _reached(self, says: dict[str, str], line: int) -> None:
        """ModelCheckpoint writes; it counts optimizer steps, which are batches unless gradients are accumulated."""
        step = self._progress.step
        if "step" in says:
            told = int(says["step"]) + self._progress.shift
            step = told if step is None or step <= told < step + max(self._progress.gap, 1) else step
        file = says["file"].strip("'\"")
        self._mark(MarkKind.CHECKPOINT, line, step, file)
        self._tells(says, step, line)

    def _tells(self, says: dict[str, str], step: int | None, line: int) -> None:
        """A message holds a value; one that nothing dates is left to the bars."""
        if step is not None:
            self._progress.give(says["name"], value_of(says["value"]), step, line, self.rows)

    def _restoring(self, file: str, line: int) -> None:
        if file == self._resumed_from:
            return
        self._begins(line, file)
        self._resumed_from = file
        place = checkpoint_place(file)
        if place is not None:
            self._progress.resumed = place
        self._mark(MarkKind.RESUME, line, None if place is None else place[1] + self._progress.shift, file)

    def _setting(self, said: Message, line: int) -> None:
        says = said.says
        match said.kind:
            case "seed":
                self._fact("seed", int(says["seed"]), line)
            case "precision":
                self._fact("trainer.precision", "bf16-mixed" if "brain" in says else "16-mixed", line)
            case "gpu":
                self._fact("device", "gpu" if says["used"].startswith("True") else "cpu", line)
            case "devices":
                self._fact("trainer.devices", int(says["devices"]), line)
            case "parameters":
                self._fact("model.parameters", says.get("before") or says["behind"], line)
            case "layer" if self._layers < _MOST_LAYERS:
                self._fact(f"model.layer[{self._layers}].name", says["name"], line)
                self._fact(f"model.layer[{self._layers}].type", says["type"], line)
                self._layers += 1

    def _begins(self, line: int, text: str) -> None:
        """A training begins; said once for each, however many lines tell so."""
        if self._is_fresh:
            return
        self._progress.begin(self.rows)
        self._mark(MarkKind.START, line, None, text)
        self._is_fresh = True
        self._facts.clear()
        self._layers = 0
        self._resumed_from = ""

    def _fact(self, key: str, value: FactValue, line: int) -> None:
        if (key, value) not in self._facts:
            self._facts.add((key, value))
            self.rows.fact(key, value, line)

    def _mark(
        self,
        kind: MarkKind,
        line: int,
        step: int | None,
        text: str,
        layer: str | None = None,
        phase: Phase | None = None,
    ) -> None:
        self.rows.mark(Mark(kind, self.rows.file, line, step, text.strip()[:_LONGEST_TEXT], layer=layer, phase=phase))
