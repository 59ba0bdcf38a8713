"""Every value and protocol that crosses a folder border.

The data flows one way::

    Source --Parser.read--> Block* --store.collect--> Run --onset.locate--> Onset --engine.diagnose--> Report

Everything here is frozen; arrays are to be treated as read-only.  Only the standard library and numpy are imported, so
that a parser or a rule written by somebody else needs nothing but this module.

Series names are a closed vocabulary, the same for every dialect; what a framework itself called the series stays in
:attr:`SeriesInfo.original`:

=====================================  ===============================================================================
name                                   what it holds
=====================================  ===============================================================================
``loss``                               the training loss of the step, as little averaged as the log allows
``loss/<head>``                        one of several training losses, without its weight
``loss_smoothed``                      a running average of the loss (Caffe's ``Iteration N, loss``, the mean over an
                                       epoch beside the loss of each step): may lag and stick
``metric/<name>``                      any other training output (accuracy, an unweighted loss)
``lr``, ``lr/<group>``                 learning rate
``grad_norm``, ``grad_norm/<layer>``   L2 norm of the gradient, before clipping; of one layer or parameter
``grad_l1``                            L1 norm of the gradient
``clip_norm``                          gradient norm that made the clipping act
``loss_scale``                         the factor of a loss scaler
``param_norm``, ``param_l1``           L2 and L1 norm of all parameters
``param_norm/<layer>``                 L2 norm of one layer or parameter
``update_norm``,                       L2 norm of the step that the optimizer takes, of all parameters and of one layer
``update_norm/<layer>``
``update_ratio/<layer>``               size of the step beside that of the parameter, as a program logged it
``activation_<statistic>/<layer>``     what a layer puts out, by its ``norm``, ``mean``, ``abs_mean``, ``std``, ``var``,
                                       ``min``, ``max``, ``abs_max``, ``median``, ``rms`` or ``l1``; ``value`` where
                                       the log does not say which
``grad_<statistic>/<layer>``,          these of the gradients, the parameters and the steps of one layer
``param_<statistic>/<layer>``,
``update_<statistic>/<layer>``
``data/<layer>/<blob>``                mean absolute activation of a top blob, forward
``diff/<layer>/<blob>``                mean absolute gradient of a bottom blob, backward
``param/<layer>/<i>``                  mean absolute value of parameter blob i, before the step
``param_diff/<layer>/<i>``             mean absolute gradient of parameter blob i
``update/<layer>/<i>``                 mean absolute step taken by parameter blob i (rate and momentum included)
``nonfinite/<layer>/<blob>``           share of non-finite elements reported by a check, 0..1
``rank<k>/...``                        any of these, where several ranks print; the first rank has no prefix
``val/...``, ``val1/...``              any of the above, measured on the first, second, ... evaluation set
=====================================  ===============================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nanlog.frames import Frame

__all__ = [
    "Attempt",
    "Block",
    "BlockBuilder",
    "CannotTell",
    "Case",
    "Cause",
    "Evidence",
    "Fact",
    "FactValue",
    "Finding",
    "FirstBad",
    "Judgement",
    "Mark",
    "MarkKind",
    "Onset",
    "Parser",
    "Pattern",
    "Phase",
    "Piece",
    "Reading",
    "Report",
    "Rule",
    "Run",
    "Series",
    "SeriesInfo",
    "Sign",
    "Source",
    "Span",
    "Stage",
    "Unread",
    "Verdict",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: The step of a point whose log line names none and that no other line dates.
NO_STEP = -1


class Pattern(StrEnum):
    """What the log shows; judged on the training loss (on the rate for ``invalid_lr``)."""

    HEALTHY = "healthy"
    GRADUAL_GROWTH = "gradual_growth"
    SUDDEN_JUMP = "sudden_jump"
    INVALID_LR = "invalid_lr"
    FROM_START = "from_start"
    DIVERGENCE = "divergence"
    MASKED = "masked"
    TRANSIENT = "transient"


class Cause(StrEnum):
    """Why; one module in ``nanlog.rules`` for each but ``none`` and ``unknown``."""

    LR_TOO_HIGH = "lr_too_high"
    BAD_LR_POLICY = "bad_lr_policy"
    FAULTY_LOSS = "faulty_loss"
    FAULTY_INPUT = "faulty_input"
    POOLING_STRIDE_GT_KERNEL = "pooling_stride_gt_kernel"
    BATCHNORM_INSTABILITY = "batchnorm_instability"
    BAD_INITIALISATION = "bad_initialisation"
    FP16_OVERFLOW = "fp16_overflow"
    UNDEFINED_GRADIENT = "undefined_gradient"
    RELU_RNN = "relu_rnn"
    DIVISION_BY_ZERO_SPARSITY = "division_by_zero_sparsity"
    SOFTWARE_BUG = "software_bug"
    AMP_SKIP = "amp_skip"
    NONE = "none"
    UNKNOWN = "unknown"


class Phase(StrEnum):
    """Where in a step a value arises."""

    LR = "lr"
    INPUT = "input"
    FORWARD = "forward"
    BACKWARD = "backward"
    UPDATE = "update"


class Verdict(StrEnum):
    """The answer to "does it matter?"."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    CANNOT_JUDGE = "cannot_judge"


class Judgement(StrEnum):
    """What the trials of a replay say about one cause."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    NOT_REPRODUCED = "not_reproduced"
    COULD_NOT_RUN = "could_not_run"


class Stage(IntEnum):
    """Causal place of a series inside one training step; lower comes first.

    A log prints a step in an order of its own.  A parser says with the stage where a value really arises, so that two
    points of the same step can be ordered.
    """

    EVALUATION = 0  #: a test pass made with the parameters before the step (Caffe)
    STATE = 10  #: parameters and statistics as they are when the step begins
    LR = 20
    INPUT = 30
    FORWARD = 40
    LOSS = 50
    BACKWARD = 60
    GRADIENT = 70  #: norms over all gradients
    CLIP = 75
    UPDATE = 80
    SUMMARY = 90  #: averages and other values printed about the step, after the fact
    EVALUATION_AFTER = 100  #: a validation pass made after the step


class MarkKind(StrEnum):
    """Something that happened at a place in the log."""

    START = "start"  #: a training begins (a new process, a new solver)
    RESUME = "resume"  #: state was restored from the file in ``text``
    FINETUNE = "finetune"  #: weights were loaded from the file in ``text``
    CHECKPOINT = "checkpoint"  #: written; the file name is in ``text``
    CLIP = "clip"  #: the gradient was scaled down
    SKIPPED_STEP = "skipped_step"  #: a loss scaler dropped the update
    NONFINITE = "nonfinite"  #: a check or message reports a non-finite value; layer, phase, share where it names them
    EXCEPTION = "exception"  #: a Python exception
    FATAL = "fatal"  #: an assertion of the framework failed, or the process was killed by a signal
    STOPPED_EARLY = "stopped_early"  #: somebody interrupted the training
    END = "end"  #: the training reached its end
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a file, cut at line ends wherever a line is not absurdly long.

    ``data`` ends with ``\\n`` unless it is the end of the file or the line was longer than a piece may be.
    ``first_line`` is the 1-based number (counted in ``\\n``) of the line that ``data`` begins in; ``continues`` is True
    when ``data`` begins in the middle of that line.
    """

    file: str
    data: bytes
    first_line: int
    continues: bool = False


@runtime_checkable
class Source(Protocol):
    """Where a run is read from: one file, one folder whose files belong together, or standard input."""

    @property
    def name(self) -> str:
        """As given on the command line; ``-`` for standard input."""

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files, as they are cited in reports; one for a plain file."""

    def head(self, file: str, size: int = 65536) -> bytes:
        """Return the first ``size`` bytes of ``file`` (fewer if it is shorter), decompressed and as UTF-8.

        A head is what parsers are recognised by; reading it does not consume standard input.
        """

    def pieces(self, file: str) -> Iterator[Piece]:
        """Stream ``file``, decompressed, UTF-16 and UTF-32 with a byte-order mark turned into UTF-8.

        Raises ``nanlog.errors.UnreadableError`` when the file cannot be opened.  What was read before damage in a
        compressed file is yielded; the damage is in :meth:`damage` afterwards.
        """

    def damage(self) -> tuple[Unread, ...]:
        """What could not be read so far: damaged compression, a line that was cut for its length."""


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """Name and meaning of one series; the same object for all its points.

    ``statistic`` marks values computed over many elements (a mean absolute value, a norm): they may overflow before
    any element does.  ``smoothed`` marks running averages: they hide, delay and prolong a NaN.  ``rank`` orders the
    series of one stage as the computation runs (layer 0 before layer 1 in forward, after it in backward).
    """

    name: str
    original: str
    stage: Stage = Stage.SUMMARY
    rank: int = 0
    phase: Phase | None = None
    layer: str | None = None
    blob: str | None = None
    statistic: bool = False
    smoothed: bool = False


FactValue = str | float | int | bool


@dataclass(frozen=True, slots=True)
class Fact:
    """Something the log states once: one scalar with a dotted key and the line it stands in.

    Structures are flattened, each scalar with its own line, so that any of them can be cited:
    ``solver.base_lr``, ``solver.stepvalue[1]``, ``net.train.layer[3].pooling_param.stride``,
    ``net.test0.layer[0].name``, ``shape.train.conv1[0]`` (a top's shape, ``"32 8 14 14"``), ``device``, ``framework``.
    Floats may be non-finite.
    """

    key: str
    value: FactValue
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a place in the log; ``step`` is None where the log does not date it."""

    kind: MarkKind
    file: str
    line: int
    step: int | None = None
    text: str = ""
    layer: str | None = None
    blob: str | None = None
    phase: Phase | None = None
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that looked like ours and could not be read; kept and counted, never dropped silently."""

    file: str
    line: int
    text: str
    why: str


def _no_floats() -> FloatArray:
    return np.empty(0, np.float64)


def _no_ints() -> IntArray:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A columnar chunk of what a parser read from one file.

    ``series`` is the vocabulary of this block; ``code[k]`` is the index into it of point k.  All columns have the same
    length.  ``step`` is :data:`NO_STEP` where nothing dates the point; ``line`` is 1-based.  ``time`` holds POSIX
    seconds, NaN where the format has none; None when it never has.  Points come in the order they were logged.

    ``stream`` names what this file is a part of.  Files of one stream follow one another (a log that was rotated, the
    event files of one directory); different streams tell of the same training side by side (``train`` and
    ``validation``, one file for each rank, a table beside a log).
    """

    file: str
    series: tuple[SeriesInfo, ...] = ()
    code: IntArray = field(default_factory=_no_ints)
    step: IntArray = field(default_factory=_no_ints)
    value: FloatArray = field(default_factory=_no_floats)
    line: IntArray = field(default_factory=_no_ints)
    time: FloatArray | None = None
    facts: tuple[Fact, ...] = ()
    marks: tuple[Mark, ...] = ()
    unread: tuple[Unread, ...] = ()
    stream: str = ""

    def __post_init__(self) -> None:
        lengths = {len(self.code), len(self.step), len(self.value), len(self.line)}
        if self.time is not None:
            lengths.add(len(self.time))
        if len(lengths) > 1:
            raise ValueError(f"the columns of a Block differ in length: {sorted(lengths)}")


class BlockBuilder:
    """Builds a :class:`Block` row by row, for parsers that need not be fast.

    >>> rows = BlockBuilder("train.log")
    >>> loss = SeriesInfo("loss", "loss", Stage.LOSS, phase=Phase.FORWARD)
    >>> rows.add(loss, step=10, value=float("nan"), line=3)
    >>> rows.build().value
    array([nan])
    """

    def __init__(self, file: str, stream: str = "") -> None:
        self.file = file
        self.stream = stream
        self._codes: dict[SeriesInfo, int] = {}
        self._rows: list[tuple[int, int, float, int, float]] = []
        self._facts: list[Fact] = []
        self._marks: list[Mark] = []
        self._unread: list[Unread] = []

    def add(self, series: SeriesInfo, *, step: int | None, value: float, line: int, time: float = np.nan) -> None:
        """Append one point; ``time`` in POSIX seconds."""
        code = self._codes.setdefault(series, len(self._codes))
        self._rows.append((code, NO_STEP if step is None else step, value, line, time))

    def fact(self, key: str, value: FactValue, line: int) -> None:
        self._facts.append(Fact(key, value, self.file, line))

    def mark(self, mark: Mark) -> None:
        self._marks.append(mark)

    def unread(self, line: int, text: str, why: str) -> None:
        self._unread.append(Unread(self.file, line, text, why))

    def build(self) -> Block:
        """Return what was added so far and start again empty."""
        columns = np.array(self._rows, dtype=np.float64).reshape(-1, 5)
        time = columns[:, 4]
        block = Block(
            file=self.file,
            series=tuple(self._codes),
            code=columns[:, 0].astype(np.int64),
            step=np.fromiter((row[1] for row in self._rows), np.int64, len(self._rows)),
            value=columns[:, 2].copy(),
            line=np.fromiter((row[3] for row in self._rows), np.int64, len(self._rows)),
            time=None if np.isnan(time).all() else time.copy(),
            facts=tuple(self._facts),
            marks=tuple(self._marks),
            unread=tuple(self._unread),
            stream=self.stream,
        )
        self.__init__(self.file, self.stream)  # type: ignore[misc]
        return block


class Parser(Protocol):
    """Reads one dialect.  Parsers hold no state: everything about one log lives inside :meth:`read`.

    A parser may have one attribute more, ``gives``: a tuple of short phrases that say what a user can have from such a
    log, the most telling first (``("loss per step", "learning rate", "gradient norms")``); ``nanlog formats`` shows it.
    Another one, ``unit``, is "record" where the files hold records, and ``line`` of a point counts these.
    """

    @property
    def name(self) -> str:
        """The word for ``--format-in`` and the JSON's ``parser``."""

    @property
    def title(self) -> str:
        """One line for people: what is read, and from which versions."""

    def score(self, file: str, head: bytes) -> float:
        """Say from the beginning of ``file`` how sure it is that it is ours: 0 not at all .. 1 certainly.

        Must be cheap and must not raise, whatever the bytes.
        """

    def read(self, source: Source) -> Iterator[Block]:
        """Read all files of ``source`` that are ours, in order, as a stream of blocks.

        Content never raises.  A line that looks like ours and cannot be read becomes an :class:`Unread`.
        """


@dataclass(frozen=True, slots=True)
class Reading:
    """Which files of a source a parser is to read."""

    parser: Parser
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """All points of one name, in the order they were logged, repeated steps and restarts included.

    ``attempt[k]`` counts the trainings in the run from 0; ``file[k]`` indexes :attr:`Run.files`.
    """

    info: SeriesInfo
    step: IntArray
    value: FloatArray
    line: IntArray
    attempt: IntArray
    file: IntArray
    time: FloatArray | None = None

    def __repr__(self) -> str:
        from nanlog.shown import series_in_short

        return series_in_short(self)

    @property
    def name(self) -> str:
        return self.info.name

    def __len__(self) -> int:
        return len(self.value)

    def of_attempt(self, attempt: int) -> Series:
        """The points of one training only."""
        return self.where(self.attempt == attempt)

    def where(self, keep: NDArray[np.bool_] | IntArray | slice) -> Series:
        """The points chosen by a mask, by indices or by a slice."""
        return Series(
            self.info,
            self.step[keep],
            self.value[keep],
            self.line[keep],
            self.attempt[keep],
            self.file[keep],
            None if self.time is None else self.time[keep],
        )


@dataclass(frozen=True, slots=True)
class Span:
    """Lines of a file that belong together: from ``first_line`` to before ``beyond``, to the end where that is None."""

    file: str
    first_line: int
    beyond: int | None

    def holds(self, line: int) -> bool:
        return self.first_line <= line and (self.beyond is None or line < self.beyond)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One training inside a log: from a start, or from where the steps fell back, to the next.

    ``first_line`` and ``last_line`` are those of its first and last point or mark in file ``file``;
    ``resumed_from`` names the checkpoint it started from, where the log says.  ``spans`` are all lines that tell of
    it, in every file; without any the log holds nothing else.
    """

    index: int
    file: str
    first_line: int
    last_line: int
    first_step: int | None
    last_step: int | None
    resumed_from: str | None = None
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Everything one source said.

    ``series(name)`` is None where the log does not have the series: "not logged" is not "finite".
    ``facts`` holds every statement in the order made; with several attempts a key may occur more than once.
    ``left_out`` are the files of a folder that no parser knows.  ``lines`` counts lines, or what ``unit`` says.
    """

    source: str
    parser: str
    files: tuple[str, ...]
    table: Mapping[str, Series]
    facts: tuple[Fact, ...] = ()
    marks: tuple[Mark, ...] = ()
    unread: tuple[Unread, ...] = ()
    unread_count: int = 0
    attempts: tuple[Attempt, ...] = ()
    lines: int = 0
    left_out: tuple[str, ...] = ()
    unit: str = "line"

    def __repr__(self) -> str:
        from nanlog.shown import run_in_short

        return run_in_short(self)

    def series(self, name: str) -> Series | None:
        return self.table.get(name)

    def to_frame(self) -> Frame:
        """All points as a table for pandas: see :func:`nanlog.frames.to_frame`."""
        from nanlog.frames import to_frame

        return to_frame(self)

    def fact(self, key: str) -> Fact | None:
        """The last statement made under ``key``."""
        return next((f for f in reversed(self.facts) if f.key == key), None)

    def of_attempt(self, attempt: int) -> Run:
        """The run as if the log held only this training: its points, marks and facts."""
        chosen = next(a for a in self.attempts if a.index == attempt)
        if len(self.attempts) == 1:
            return self
        spans: dict[str, list[Span]] = {}
        for span in chosen.spans:
            spans.setdefault(span.file, []).append(span)

        def inside(file: str, line: int) -> bool:
            return not spans or any(span.holds(line) for span in spans.get(file, ()))

        table = {name: part for name, s in self.table.items() if len(part := s.of_attempt(attempt))}
        return Run(
            self.source,
            self.parser,
            self.files,
            table,
            tuple(f for f in self.facts if inside(f.file, f.line)),
            tuple(m for m in self.marks if inside(m.file, m.line)),
            self.unread,
            self.unread_count,
            (chosen,),
            self.lines,
            self.left_out,
            self.unit,
        )


@dataclass(frozen=True, slots=True)
class FirstBad:
    """The first non-finite (or masking) point of one series."""

    series: str
    step: int | None
    value: float
    file: str
    line: int
    layer: str | None = None
    phase: Phase | None = None
    #: True when the value is a norm or mean that may have overflowed although every element was still finite
    overflow_only: bool = False


@dataclass(frozen=True, slots=True)
class Onset:
    """What happened and when, never why.

    ``order`` lists the first bad point of every series that went bad, in causal order; the first is the onset, the rest
    is downstream of it.  ``departure_step`` is where growth left the normal range.  ``earliest_step`` is the first step
    at which the true onset can lie when the log only prints averages or every n-th step (last finite step + 1).
    ``tail`` says that the log begins after the onset (non-finite from its first point on, but not from step 0).
    ``masked_as`` says what kind of number stands for NaN, where the pattern is ``masked``.
    ``harmless`` says that nothing came of it: a loss scaler skipped the update, and the loss stayed finite.
    """

    pattern: Pattern
    attempt: int = 0
    series: str | None = None
    step: int | None = None
    value: float | None = None
    file: str | None = None
    line: int | None = None
    last_finite_step: int | None = None
    departure_step: int | None = None
    departure_line: int | None = None
    earliest_step: int | None = None
    recovered_step: int | None = None
    order: tuple[FirstBad, ...] = ()
    loss_step: int | None = None
    masked_value: float | None = None
    masked_as: str = ""
    tail: bool = False
    last_good_checkpoint: str | None = None
    harmless: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence and the place that proves it."""

    says: str
    file: str | None = None
    line: int | None = None
    series: str | None = None
    step: int | None = None
    value: FactValue | None = None


@dataclass(frozen=True, slots=True)
class Sign:
    """Evidence as a rule sees it: a named sign whose weight stands in ``nanlog/rules/weights.toml``.

    A positive weight speaks for the rule's cause, a negative one against it.
    """

    key: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause with its confidence (0..1), the evidence for and against, and what to do.

    A rule leaves ``confidence``, ``evidence`` and ``against`` to the engine and fills ``signs``.  ``confidence`` is
    what the log alone says; ``replayed`` is what a replay made of the cause, None where it was not tried.
    """

    rule: str
    cause: Cause
    signs: tuple[Sign, ...] = ()
    confidence: float = 0.0
    layer: str | None = None
    phase: Phase | None = None
    evidence: tuple[Evidence, ...] = ()
    against: tuple[Evidence, ...] = ()
    remedies: tuple[str, ...] = ()
    next_test: str | None = None
    replayed: Judgement | None = None


@dataclass(frozen=True, slots=True)
class CannotTell:
    """A rule, and what the log lacks for it; ``how`` is what to log next time."""

    rule: str
    missing: tuple[str, ...]
    how: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What a rule is given: the attempt that failed, what happened in it, and the run it is part of."""

    run: Run
    onset: Onset
    whole: Run


class Rule(Protocol):
    """Judges one cause.  A module of ``nanlog.rules`` ends in ``RULE``.

    The docstring of the module that defines a rule is its documentation (``nanlog explain``).  A rule may have two
    attributes more: ``how``, a sentence that says what to log so that it can judge, and ``weights``, a mapping of the
    keys of its signs to what each is worth in nats of log-odds.  A rule of another distribution must have ``weights``;
    those of nanlog's own rules stand in ``nanlog/rules/weights.toml``.
    """

    @property
    def name(self) -> str:
        """The module's name: the bad thing, in the field's own words."""

    @property
    def cause(self) -> Cause: ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Series (or ``fact:KEY``) the rule cannot do without; a trailing ``*`` matches any rest."""

    def judge(self, case: Case) -> Iterator[Finding]:
        """Yield at most one finding; nothing when the cause has no sign at all."""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The answer for one run; findings best first.

    ``replay`` is what the last ``nanlog replay`` of the run found out (docs/replay.md), where there was one.
    """

    run: Run
    verdict: Verdict
    onset: Onset | None
    findings: tuple[Finding, ...] = ()
    cannot_tell: tuple[CannotTell, ...] = ()
    notes: tuple[Evidence, ...] = ()
    replay: Mapping[str, Any] | None = None

    def __repr__(self) -> str:
        from nanlog.shown import report_in_short

        return report_in_short(self)

    def __str__(self) -> str:
        from nanlog.shown import report_as_text

        return report_as_text(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from nanlog.shown import report_as_html

        return report_as_html(self)
