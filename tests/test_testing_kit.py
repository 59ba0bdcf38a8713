"""The contract kit finds what it is for: a parser or a rule that breaks one promise fails, and is told which."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labelled_logs import samples_of
from nanlog.model import (
    Block,
    Case,
    Cause,
    Evidence,
    Finding,
    Mark,
    MarkKind,
    SeriesInfo,
    Sign,
    Source,
    Stage,
    Unread,
)
from nanlog.testing import check_parser, check_rule
from nanlog.testing._texts import Texts, damaged, excerpt, load
from tiny_dialect import TinyParser

TEXT = "tiny\n" + "".join(f"loss {step} {2.5 / (step + 1)}\n" for step in range(400))

Edit = Callable[[Block], Block]


class Tiny(TinyParser):
    """The dialect of the tests, and what a test changes of its blocks and its scores."""

    edit: Edit = staticmethod(lambda block: block)
    at: float = 1.0

    def score(self, file: str, head: bytes) -> float:
        return self.at * super().score(file, head)

    def read(self, source: Source) -> Iterator[Block]:
        return (self.edit(in_the_vocabulary(block)) for block in super().read(source))


def in_the_vocabulary(block: Block) -> Block:
    """Damaged copies of a log hold names that nobody has heard of."""
    named = (info if info.name == "loss" else replace(info, name=f"metric/{info.name}") for info in block.series)
    return replace(block, series=tuple(named))


def tiny(edit: Edit | None = None, at: float = 1.0, **attributes: object) -> Tiny:
    own = {**({} if edit is None else {"edit": staticmethod(edit)}), "at": at, **attributes}
    kind: type[Tiny] = type("Changed", (Tiny,), own)
    return kind(name=str(attributes.get("name", "tiny")), title=str(attributes.get("title", "points")))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "train.log"
    path.write_text(TEXT)
    return path


def test_a_parser_that_keeps_its_promises_passes(log: Path) -> None:
    check_parser(tiny(), [log], [samples_of("caffe")[0].log])


def with_first(block: Block, **changes: object) -> Block:
    return replace(block, **changes)  # type: ignore[arg-type]


BROKEN: dict[str, tuple[Edit, str]] = {
    "a file nobody has": (lambda block: with_first(block, file="other.log"), "no file of the source"),
    "a line beyond the end": (lambda block: with_first(block, line=block.line + 401), "a line of 802"),
    "line 0": (lambda block: with_first(block, line=block.line - 2), "a line of 0; the least there can be is 1"),
    "a step below -1": (lambda block: with_first(block, step=block.step - 2), "a step of -2"),
    "steps as floats": (lambda block: with_first(block, step=block.step.astype(float)), "step holds float64"),
    "a code without a series": (lambda block: with_first(block, code=block.code + 1), "a series code of 1"),
    "a series of another name": (
        lambda block: with_first(block, series=(SeriesInfo("Loss", "loss", Stage.LOSS),)),
        "'Loss' is no series name of nanlog.model",
    ),
    "a series without its name in the log": (
        lambda block: with_first(block, series=(SeriesInfo("loss", ""),)),
        "does not say what the log calls it",
    ),
    "points in another order": (
        lambda block: with_first(block, line=block.line[::-1].copy(), value=block.value[::-1].copy()),
        "do not come in the order of the log: loss",
    ),
    "a mark outside the file": (
        lambda block: with_first(block, marks=(Mark(MarkKind.END, block.file, 0),)),
        "lies outside its file",
    ),
    "an unread line without a reason": (
        lambda block: with_first(block, unread=(Unread(block.file, 1, "x", ""),)),
        "does not say why",
    ),
    "something new each time": (
        lambda block: with_first(block, value=block.value + time.perf_counter_ns()),
        "give something else: points of loss in",
    ),
    "no point at all": (lambda block: Block(block.file), "reads no point"),
}


@pytest.mark.parametrize(("edit", "says"), BROKEN.values(), ids=BROKEN)
def test_blocks_that_are_not_well_formed_are_told(log: Path, edit: Edit, says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        check_parser(tiny(edit), [log])


def test_what_depends_on_the_pieces_is_told(log: Path) -> None:
    """The first point of each piece is lost, as by a reader that looks behind every line end."""

    class Forgetful(Tiny):
        def read(self, source: Source) -> Iterator[Block]:
            for piece in source.pieces(source.files[0]):
                (block,) = super().read(Texts(source.name, {piece.file: piece.data}))
                keep = slice(1, None)
                yield replace(
                    block,
                    code=block.code[keep],
                    step=block.step[keep],
                    value=block.value[keep],
                    line=block.line[keep] + piece.first_line - 1,
                )

    with pytest.raises(AssertionError, match="pieces of 5000 bytes give something else"):
        check_parser(Forgetful(), [log])


def test_a_parser_that_raises_on_damage_is_found_out(log: Path) -> None:
    class Trusting(Tiny):
        def read(self, source: Source) -> Iterator[Block]:
            for block in super().read(source):
                if block.unread:
                    raise ValueError("dear diary")
                yield block

    with pytest.raises(ValueError, match="diary"):
        check_parser(Trusting(), [log])


@pytest.mark.parametrize(
    ("parser", "says"),
    [
        (tiny(at=1.5), "is 1.5, not within 0 and 1"),
        (tiny(at=0.1), "not the surest of any file"),
        (tiny(name="Tiny!"), "no word for --format-in"),
        (tiny(title=" "), "has no title"),
        (tiny(title="two\nlines"), "more than one line"),
        (tiny(gives="loss"), "no tuple of phrases"),
        (tiny(gives=("loss", "")), "an empty phrase"),
        (tiny(score=lambda self, file, head: 0.5), "an empty file is nobody's"),
        (tiny(score=lambda self, file, head: "sure" if head else 0), "no number"),
        (tiny(score=lambda self, file, head: sum(x * x for x in range(9_000_000)) * 0.0), "took"),
    ],
)
def test_names_and_scores_that_break_a_promise_are_told(log: Path, parser: Tiny, says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        check_parser(parser, [log])


def test_a_parser_that_claims_others_samples_is_told() -> None:
    greedy = tiny(score=lambda self, file, head: 1.0 if head else 0.0)
    caffe = samples_of("caffe")[0].log
    with pytest.raises(AssertionError, match="not the surest"):
        check_parser(greedy, [caffe])
    surer = tiny(name="caffe", score=lambda self, file, head: 1.0 if head else 0.0)
    with pytest.raises(AssertionError, match="claims what is not its own"):
        check_parser(surer, [], [caffe])


class Fine:
    """What it sees
    """  # fmt: skip

    name = "fine"
    cause = Cause.FAULTY_LOSS
    needs: tuple[str, ...] = ("loss", "fact:hparams.eps")
    weights: dict[str, float] = {"sign": 1.0}  # noqa: RUF012
    module = "nanlog.rules.faulty_loss"  # where its documentation stands
    signs: tuple[str, ...] = ("sign",)

    def judge(self, case: Case) -> Iterator[Finding]:
        yield Finding(self.name, self.cause, tuple(Sign(key, Evidence("it is so")) for key in self.signs))


def fine(**attributes: object) -> Fine:
    kind: type[Fine] = type("Changed", (Fine,), attributes)
    return kind()


def test_a_rule_that_keeps_its_promises_passes() -> None:
    check_rule(fine(), facts=["hparams.lr"])


def unsteady(rule: Fine, case: Case) -> Iterator[Finding]:
    yield Finding(rule.name, rule.cause, (Sign("sign", Evidence(f"at {time.perf_counter_ns()}")),))


def twice(rule: Fine, case: Case) -> Iterator[Finding]:
    yield from Fine.judge(rule, case)
    yield from Fine.judge(rule, case)


def own_evidence(rule: Fine, case: Case) -> Iterator[Finding]:
    yield replace(next(Fine.judge(rule, case)), evidence=(Evidence("sure"),))


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (fine(name="Fine"), "is no word"),
        (fine(cause="fate"), "is no cause"),
        (fine(needs=("temperature",)), "needs 'temperature', which is no series name"),
        (fine(module="nanlog.errors"), "under headings of their own: What it sees"),
        (fine(weights={}), "has no weights"),
        (fine(weights={"sign": 0.0}), "prove nothing: sign"),
        (fine(signs=("other",)), "signs without a weight: other"),
        (fine(signs=()), "a finding without a sign"),
        (fine(judge=unsteady), "two answers to the same question"),
        (fine(judge=twice), "more than one finding"),
        (fine(judge=own_evidence), "evidence is left to the engine"),
    ],
)
def test_a_rule_that_breaks_a_promise_is_told(rule: Fine, says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        check_rule(rule)


def test_a_rule_must_bear_what_a_log_may_state() -> None:
    def trusting(rule: Fine, case: Case) -> Iterator[Finding]:
        eps = case.run.fact("hparams.eps")
        if eps is not None and int(eps.value) > 1:
            yield from Fine.judge(rule, case)

    with pytest.raises((ValueError, OverflowError)):
        check_rule(fine(judge=trusting))


def test_a_rule_is_tried_on_logs_only_where_it_is_installed() -> None:
    with pytest.raises(AssertionError, match="fine is not installed"):
        check_rule(fine(), fires_on=[samples_of("caffe")[0].log])


def test_damage_is_the_same_every_time_and_of_every_kind() -> None:
    text = TEXT.encode()
    copies = list(damaged(text, 60))
    assert copies == list(damaged(text, 60))
    assert all(copy != text for copy in copies)
    assert any(text.startswith(copy) for copy in copies)
    assert any(len(copy) > len(text) for copy in copies)
    assert next(damaged(b"", 8)) == b""


def test_an_excerpt_is_of_whole_lines() -> None:
    text = TEXT.encode()
    part = excerpt(text, 1000)
    assert 400 < len(part) <= 1000
    assert set(part.split(b"\n")) <= set(text.split(b"\n"))
    assert excerpt(b"x" * 100, 10) == b"x" * 10


@pytest.mark.parametrize("size", [1, 50, 10**6])
def test_texts_are_a_source(log: Path, size: int) -> None:
    texts = replace(load(str(log)), size=size)
    pieces = list(texts.pieces(str(log)))
    assert b"".join(piece.data for piece in pieces) == TEXT.encode()
    ends = np.cumsum([piece.data.count(b"\n") for piece in pieces])
    assert [piece.first_line for piece in pieces] == [1, *(ends[:-1] + 1)]
    assert texts.head(str(log), 4) == b"tiny"
    assert texts.damage() == ()
