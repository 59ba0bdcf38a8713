"""Reports put together by hand, as the engine would give them, for the tests of the reporters."""

from __future__ import annotations

import math

import numpy as np

from nanlog.model import (
    Attempt,
    CannotTell,
    Cause,
    Evidence,
    Finding,
    FirstBad,
    Mark,
    MarkKind,
    Onset,
    Pattern,
    Phase,
    Report,
    Run,
    Series,
    SeriesInfo,
    Stage,
    Unread,
    Verdict,
)

FILE = "runs/lenet/train.log"
NAN = math.nan


def series(info: SeriesInfo, values: list[float], *, first_line: int = 180) -> Series:
    steps = np.arange(len(values), dtype=np.int64)
    zeros = np.zeros_like(steps)
    return Series(info, steps, np.array(values), first_line + 12 * steps, zeros, zeros)


LOSS = SeriesInfo("loss", "loss", Stage.LOSS, phase=Phase.FORWARD)


def run(source: str = FILE, **more: object) -> Run:
    known: dict[str, object] = {
        "parser": "caffe",
        "files": (source,),
        "table": {"loss": series(LOSS, [2.3, 2.2, 4.1, 60.0, 9000.0, NAN])},
        "attempts": (Attempt(0, source, 1, 1204, 0, 99),),
        "lines": 1204,
    }
    return Run(source=source, **{**known, **more})  # type: ignore[arg-type]


def bad(name: str, step: int, line: int, layer: str | None = None, phase: Phase | None = None) -> FirstBad:
    return FirstBad(name, step, NAN, FILE, line, layer, phase)


def blow_up(source: str = FILE) -> Report:
    """A learning rate far too high, seen with debug_info."""
    order = (
        bad("diff/ip2/ip2", 8, 1011, "ip2", Phase.BACKWARD),
        bad("param_diff/ip2/0", 8, 1012, "ip2", Phase.BACKWARD),
        bad("grad_norm", 8, 1031),
        bad("data/conv1/conv1", 9, 1044, "conv1", Phase.FORWARD),
        bad("loss", 9, 1045, phase=Phase.FORWARD),
        *(bad(f"data/fc{k}/fc{k}", 9, 1045 + k, f"fc{k}", Phase.FORWARD) for k in range(11)),
    )
    onset = Onset(
        Pattern.GRADUAL_GROWTH,
        attempt=1,
        series="diff/ip2/ip2",
        step=8,
        value=math.inf,
        file=FILE,
        line=1011,
        last_finite_step=7,
        departure_step=4,
        departure_line=740,
        order=order,
        loss_step=9,
        last_good_checkpoint="snapshots/lenet_iter_4.caffemodel",
    )
    growth = Evidence(
        "The training loss rose 3,913-fold from step 1 to step 4 before it became NaN", FILE, 740, "loss", 4
    )
    first = Finding(
        "lr_too_high",
        Cause.LR_TOO_HIGH,
        confidence=0.912,
        layer="ip2",
        phase=Phase.BACKWARD,
        evidence=(
            growth,
            Evidence("The gradients of the last layers (ip2, ip1) grew first, 91-fold in 3 steps", FILE, 902),
            Evidence("base_lr is 0.5; 0.001 to 0.1 is usual for SGD with momentum 0.9", FILE, 6),
            Evidence("The parameters of ip2 grew with them, from 0.031 to 2.4e+06", FILE, 980),
            Evidence("No gradient clipping is configured", FILE, 3),
        ),
        against=(Evidence("The loss fell for the first 2 steps", FILE, 204),),
        remedies=(
            "Set base_lr: 0.05 in the solver, a tenth of what it is, and warm up over the first 500 iterations.",
            "Set clip_gradients: 35 in the solver: the gradient norm stayed below that until step 4.",
            "Start from snapshots/lenet_iter_4.caffemodel rather than from the last one.",
        ),
        next_test="Train 10 iterations from iteration 4 at base_lr: 0.05; if the loss stays below 5, the rate was it.",
    )
    others = (
        Finding(
            "faulty_input",
            Cause.FAULTY_INPUT,
            confidence=0.06,
            layer="data",
            phase=Phase.INPUT,
            evidence=(Evidence("The loss of step 2 is twice that of step 1", FILE, 204),),
            against=(Evidence("The output of the data layer is finite in every step, 0.13 on average", FILE, 1040),),
        ),
        Finding(
            "bad_initialisation",
            Cause.BAD_INITIALISATION,
            confidence=0.004,
            evidence=(Evidence("No weight_filler in layer ip1: its weights start at 0", FILE, 77),),
        ),
    )
    return Report(
        run(
            source,
            attempts=(
                Attempt(0, FILE, 1, 170, 0, 9),
                Attempt(1, FILE, 171, 1204, 0, 99, "snapshots/lenet_iter_0.solverstate"),
            ),
            marks=(Mark(MarkKind.CHECKPOINT, FILE, 600, 4, "snapshots/lenet_iter_4.caffemodel"),),
            unread=(Unread(FILE, 1203, "Iteration 99, lo", "the line ends in the middle of a word"),),
            unread_count=1,
        ),
        Verdict.UNHEALTHY,
        onset,
        (first, *others),
        (
            CannotTell("relu_rnn", ("update/*",), "[Update] lines need a Caffe from before July 2015"),
            CannotTell("fp16_overflow", ("fact:precision",), "name the precision in the net's file"),
        ),
        (Evidence("pool2: the stride of 3 is larger than the kernel of 2", FILE, 66),),
    )


def jump() -> Report:
    """A bare log: only the loss, every tenth step."""
    onset = Onset(
        Pattern.SUDDEN_JUMP,
        series="loss",
        step=50,
        value=NAN,
        file=FILE,
        line=240,
        last_finite_step=40,
        earliest_step=41,
        order=(bad("loss", 50, 240, phase=Phase.FORWARD),),
        loss_step=50,
    )
    cause = Finding(
        "faulty_input",
        Cause.FAULTY_INPUT,
        confidence=0.58,
        evidence=(Evidence("The loss was calm (0.31 to 0.42) for 40 steps before", FILE, 236, "loss", 40, 0.31),),
        remedies=("Check the batches of iterations 41 to 50 for NaN, Inf and labels out of range.",),
        next_test="Train again with debug_info: true and display: 1 from iteration 40.",
    )
    lack = (
        CannotTell("undefined_gradient", ("diff/*", "data/*"), "debug_info: true would print them"),
        CannotTell("lr_too_high", ("grad_norm",), "debug_info: true would print them"),
    )
    return Report(run(), Verdict.UNHEALTHY, onset, (cause,), lack)


def masked() -> Report:
    onset = Onset(
        Pattern.MASKED,
        series="loss",
        step=120,
        value=87.3365,
        file=FILE,
        line=512,
        last_finite_step=110,
        order=(FirstBad("loss", 120, 87.3365, FILE, 512, None, Phase.FORWARD),),
        loss_step=120,
        masked_value=87.3365,
    )
    marks = (Mark(MarkKind.CHECKPOINT, FILE, 700, 200, "a"), Mark(MarkKind.CHECKPOINT, FILE, 900, 300, "b"))
    return Report(run(marks=marks), Verdict.UNHEALTHY, onset)


def tail() -> Report:
    onset = Onset(
        Pattern.FROM_START,
        series="loss",
        step=7000,
        value=NAN,
        file=FILE,
        line=1,
        order=(bad("loss", 7000, 1, phase=Phase.FORWARD),),
        loss_step=7000,
        tail=True,
    )
    return Report(run(attempts=(Attempt(0, FILE, 1, 40, 7000, 7400),), lines=40), Verdict.UNHEALTHY, onset)


def divergence() -> Report:
    onset = Onset(
        Pattern.DIVERGENCE,
        series="loss",
        step=30,
        value=4.2e9,
        file=FILE,
        line=400,
        last_finite_step=20,
        departure_step=20,
        departure_line=380,
        order=(FirstBad("loss", 30, 4.2e9, FILE, 400, None, Phase.FORWARD),),
        loss_step=30,
    )
    return Report(run(), Verdict.UNHEALTHY, onset)


def invalid_lr() -> Report:
    onset = Onset(
        Pattern.INVALID_LR,
        series="lr",
        step=0,
        value=-math.inf,
        file=FILE,
        line=182,
        order=(FirstBad("lr", 0, -math.inf, FILE, 182, None, Phase.LR), bad("loss", 1, 190, phase=Phase.FORWARD)),
        loss_step=1,
    )
    return Report(run(), Verdict.UNHEALTHY, onset)


def healthy(source: str = FILE) -> Report:
    return Report(run(source), Verdict.HEALTHY, Onset(Pattern.HEALTHY))


def scaler() -> Report:
    """A NaN that does no harm, and a hazard."""
    onset = Onset(
        Pattern.TRANSIENT,
        series="grad_norm",
        step=3,
        value=math.inf,
        file=FILE,
        line=33,
        recovered_step=4,
        order=(bad("grad_norm", 3, 33),),
    )
    skip = Finding(
        "amp_skip",
        Cause.AMP_SKIP,
        confidence=0.97,
        evidence=(Evidence("The loss scale fell from 65536 to 32768 at step 3, and the loss stayed finite", FILE, 34),),
    )
    hazard = Evidence("lr_policy is poly and max_iter is missing: the rate would be 0/0", FILE, 9)
    return Report(run(), Verdict.HEALTHY, onset, (skip,), notes=(hazard,))


def nothing() -> Report:
    """A log without a single value."""
    return Report(run(table={}, attempts=(), lines=12), Verdict.CANNOT_JUDGE, None)


def hostile() -> Report:
    """Names and sentences made to take over a terminal, or a page."""
    evil = "\x1b]0;owned\x07\x1b[2J[bold red]x[/]\u202egnp.exe\u2066\x9b31m\r\n\x00\udcff\ud800"
    onset = Onset(
        Pattern.SUDDEN_JUMP,
        series=f"data/{evil}/{'n' * 10_000}",
        step=1,
        value=NAN,
        file=evil,
        line=3,
        order=(FirstBad(f"data/{evil}/n", 1, NAN, evil, 3, evil, Phase.FORWARD),) * 9,
        last_good_checkpoint=evil,
    )
    finding = Finding(
        evil,
        Cause.UNKNOWN,
        confidence=math.nan,
        layer="m" * 10_000,
        phase=Phase.FORWARD,
        evidence=(Evidence(evil * 1000, evil, 7, evil, 1, evil),) * 9,
        against=(Evidence(evil, evil, 7),),
        remedies=(evil,) * 9,
        next_test=evil,
    )
    made = run(
        evil, parser=evil, attempts=(Attempt(0, evil, 1, 1, 0, 1), Attempt(1, evil, 1, 1, 0, 1, evil)),
        unread=(Unread(evil, 1, evil, evil),), unread_count=99,
    )  # fmt: skip
    note = Evidence(evil, evil, 1)
    return Report(made, Verdict.UNHEALTHY, onset, (finding,) * 6, (CannotTell(evil, (evil,), evil),), (note,) * 9)


MADE = {
    "blow_up": blow_up,
    "jump": jump,
    "masked": masked,
    "tail": tail,
    "divergence": divergence,
    "invalid_lr": invalid_lr,
    "healthy": healthy,
    "scaler": scaler,
    "nothing": nothing,
}
