"""Follows one file line by line: which training, which iteration, which net."""

from __future__ import annotations

import re

import numpy as np

from nanlog.model import Block, Fact, Mark, MarkKind, Phase
from nanlog_parsers._numbers import value_of

from ._dating import TRAIN, Dating
from ._events import Tracebacks, crash, numpy_warning, snapshot_step
from ._glog import Message
from ._heads import Direction, Head
from ._lines import Lines, NonFinite
from ._messages import Displayed, Known, Output, looks_like_ours, recognised
from ._net import Setup
from ._outputs import Outputs
from ._points import Points
from ._series import DebugSeries
from ._steps import Steps

__all__ = ["TrainingLog"]

MAX_TEST_NETS = 64
LONGEST_TEXT = 1000


class TrainingLog:
    """The trainings of one file; ``heads`` is the growing list that the codes of debug values index."""

    def __init__(self, file: str, heads: list[Head]) -> None:
        self._file = file
        self._heads = heads
        self._points = Points(file)
        self._dating = Dating()
        self._traceback = Tracebacks()
        self._is_known = False
        self._begins_within_pass: bool | None = None
        self._begin()

    def _begin(self) -> None:
        self._steps = Steps()
        self._setup = Setup(self._file)
        self._outputs = Outputs(self._points, self._steps)
        self._names: DebugSeries | None = None
        self._test: tuple[int, int] | None = None
        self._has_start = self._start_is_sure = self._has_points = False
        self._reported: set[Head] = set()
        self._warned: set[str] = set()
        self._has_clip = self._has_resumed = self._has_ended = False
        self._points.forget_heads()

    def read(self, lines: Lines) -> Block:
        """Read the lines of a stretch; values whose iteration is not known yet come with a later block."""
        self._dating.add(lines.debug, np.array([head.direction for head in self._heads], np.int64))
        places = self._dating.before(np.array([line for line, _ in lines.others], np.int64)).tolist()
        for (line, message), at in zip(lines.others, places, strict=True):
            if isinstance(message, Message):
                self._message(line, message, at)
            elif isinstance(message, NonFinite):
                self._nonfinite(line, message)
            else:
                self._value(line, message, at)
        for misread in lines.misread:
            self._points.unread(misread.line, misread.text, misread.why)
        return self._block()

    def finish(self) -> Block:
        """The end of the file."""
        self._setup_ends()
        self._training_ends(self._dating.end)
        return self._block()

    def _block(self) -> Block:
        self._name_debug()
        self._points.facts += self._setup.take()
        return self._points.block()

    def _message(self, line: int, message: Message, at: int) -> None:
        text = message.text.strip()
        known = recognised(text)
        if known is None and self._setup.is_dumping and not message.prefixed:
            self._setup.dump_line(line, message.text)
        elif known is None:
            self._setup_ends()
            self._unknown(line, message, text)
        elif isinstance(known, Known):
            self._setup_ends()
            self._opens(line, at)
            self._event(known.name, known.found, line, at)
            self._setup.read(known.name, known.found, line)
        else:
            self._value(line, known, at)

    def _value(self, line: int, value: Displayed | Output, at: int) -> None:
        if self._setup.is_dumping or not self._has_points:
            self._setup_ends()
            self._opens(line, at)
            self._has_points = True
        if isinstance(value, Output):
            if value.is_test:
                self._test_outputs_begin(at)
            self._outputs.output(value, line)
            return
        if value.quantity == "loss":
            self._iteration(value.step, at)
            self._outputs.iteration(value.step, value.value, line)
            return
        if value.step != self._steps.last:
            self._iteration(value.step, at)
        self._outputs.rate(value.step, value.value, line)

    def _nonfinite(self, line: int, report: NonFinite) -> None:
        head = report.head
        if report.share > 0 and head not in self._reported:
            self._reported.add(head)
            phase = Phase.FORWARD if head.direction is Direction.FORWARD else Phase.BACKWARD
            step = self._steps.coming()
            mark = Mark(
                MarkKind.NONFINITE, self._file, line, step, head.original, head.layer, head.blob, phase, report.share
            )
            self._points.marks.append(mark)

    def _opens(self, line: int, at: int) -> None:
        """Note what the first line of the log that is ours tells."""
        if self._begins_within_pass is None:
            self._begins_within_pass = at > 0
        self._is_caffe(line)

    def _event(self, name: str, found: re.Match[str], line: int, at: int) -> None:
        match name:
            case "clipping":
                self._has_points = True
                self._outputs.clipped(value_of(found["value"]), line)
                if not self._has_clip:
                    self._has_clip = True
                    self._mark(MarkKind.CLIP, line, self._steps.last, found.string, value=value_of(found["value"]))
            case "testing":
                self._has_points = True
                self._testing(int(found["net"] or 0), int(found["step"]), line, at)
            case "test_score":
                self._has_points = True
                self._test_outputs_begin(at)
                self._outputs.score(found["index"], value_of(found["value"]), line)
            case "test_loss":
                self._test_outputs_begin(at)
                self._outputs.total_loss(value_of(found["value"]), line)
            case "solver_dump":
                if self._start_is_sure or self._has_points or not self._has_start:
                    self._start(found.string, line, at)
                self._start_is_sure = True
            case "begin" | "solving" | "train_net":
                if self._has_points or not self._has_start:
                    self._start(found.string, line, at)
            case "resume" | "restoring":
                self._resume(name, found, line)
            case "finetune":
                self._mark(MarkKind.FINETUNE, line, None, found["file"])
            case "snapshot":
                step = snapshot_step(found["file"])
                self._mark(MarkKind.CHECKPOINT, line, self._steps.last if step is None else step, found["file"])
            case "multistep":
                self._mark(MarkKind.NOTE, line, int(found["step"]), found.string)
            case "stopped":
                self._training_ends(at)
                self._mark(MarkKind.STOPPED_EARLY, line, self._steps.last, found.string)
            case "end":
                self._training_ends(at)
                if not self._has_ended:
                    self._mark(MarkKind.END, line, self._steps.last, found.string)
                self._has_ended = True

    def _unknown(self, line: int, message: Message, text: str) -> None:
        if message.severity == "F":
            self._mark(MarkKind.FATAL, line, self._steps.last, text)
        elif looks_like_ours(text):
            self._points.unread(line, text, "the line begins like one of the solver's and ends otherwise")
        elif not message.prefixed:
            if (exception := self._traceback.read(message.text)) is not None:
                self._mark(MarkKind.EXCEPTION, line, self._steps.last, exception)
            elif crash(text):
                self._mark(MarkKind.FATAL, line, self._steps.last, text)
            elif (warning := numpy_warning(text)) is not None and warning not in self._warned:
                self._warned.add(warning)
                self._mark(MarkKind.NOTE, line, self._steps.last, warning)

    def _iteration(self, step: int, at: int) -> None:
        """An iteration is displayed: what stands open before it is its own."""
        if self._test is None:
            self._settle(at, step)
        else:
            self._test_ends_without_outputs(at, step)
        if step != self._steps.last:
            self._outputs.flush()
            self._outputs.date_clips(step)
        self._steps.displayed(step)

    def _testing(self, net: int, step: int, line: int, at: int) -> None:
        if net >= MAX_TEST_NETS:
            self._points.unread(line, f"Testing net (#{net})", f"more than {MAX_TEST_NETS} test nets")
            return
        if self._test is None:
            self._settle(at, self._steps.coming())
        else:
            self._test_ends_without_outputs(at, self._steps.coming())
        self._test = (net + 1, step)
        self._steps.tested = step
        self._outputs.testing(net + 1, step)

    def _test_outputs_begin(self, at: int) -> None:
        if self._test is not None:
            net, step = self._test
            self._dating.settle(at, net, step, self._steps.last)
            self._test = None

    def _test_ends_without_outputs(self, at: int, train_step: int | None) -> None:
        if self._test is not None:
            net, step = self._test
            self._test = None
            end = self._dating.test_passes_end(at, self._setup.test_passes(net))
            self._dating.settle(end, net, step, self._steps.last)
        self._settle(at, train_step)

    def _settle(self, at: int, step: int | None) -> None:
        if not self._dating.has_open(at):
            return
        self._dating.settle(at, TRAIN, step, self._steps.last)
        if self._begins_within_pass is not False:
            # What the first pass lacks is not to be ranked behind what it has.
            self._name_debug()
            self._begins_within_pass = False

    def _training_ends(self, at: int) -> None:
        """What stands open now will not be dated by any line of its own."""
        coming = self._steps.coming()
        if self._test is None:
            self._settle(at, coming)
        else:
            self._test_ends_without_outputs(at, coming)
        self._outputs.flush()
        self._outputs.date_clips(None)

    def _start(self, text: str, line: int, at: int) -> None:
        self._training_ends(at)
        self._name_debug()
        self._points.facts += self._setup.take()
        self._begin()
        self._begins_within_pass = False
        self._has_start = True
        self._steps.start = 0
        self._mark(MarkKind.START, line, None, text)

    def _setup_ends(self) -> None:
        if self._setup.is_dumping:
            self._setup.dump_ends()
            self._steps.interval = self._setup.solver_number("display")

    def _resume(self, name: str, found: re.Match[str], line: int) -> None:
        file = found["file"] if name == "resume" else ""
        if file or not self._has_resumed:
            self._mark(MarkKind.RESUME, line, snapshot_step(file), file)
        self._has_resumed = True
        if self._steps.last is None:
            self._steps.start = snapshot_step(file) if file else self._steps.start

    def _name_debug(self) -> None:
        dated = self._dating.take()
        if not len(dated.rows):
            return
        self._is_caffe(int(dated.rows.line[0]))
        self._has_points = True
        if self._names is None:
            self._names = DebugSeries(self._setup.structures, begins_within_pass=self._begins_within_pass is not False)
        self._points.add_debug(dated, self._heads, self._names)
        self._names.pass_ends()

    def _is_caffe(self, line: int) -> None:
        if not self._is_known:
            self._is_known = True
            self._points.facts.append(Fact("framework", "caffe", self._file, line))

    def _mark(self, kind: MarkKind, line: int, step: int | None, text: str, value: float | None = None) -> None:
        self._points.marks.append(Mark(kind, self._file, line, step, text.strip()[:LONGEST_TEXT], value=value))
