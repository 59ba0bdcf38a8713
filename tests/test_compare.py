"""Two runs: which facts differ, where their curves part, which went bad first."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelled_logs import SAMPLES, Sample, report_of
from made_reports import MADE, hostile
from nanlog.compare import Curve, compare
from nanlog.compare._curves import curve
from nanlog.compare._facts import differing_facts
from nanlog.compare.as_json import as_json
from nanlog.compare.text import write
from nanlog.engine import diagnose_run
from nanlog.model import Fact, FactValue, Report, Series, SeriesInfo
from nanlog.report import Style
from runs import make_run

NAN, INF = float("nan"), float("inf")


def series(values: Sequence[float], steps: Sequence[int] | None = None) -> Series:
    zeros = np.zeros(len(values), np.int64)
    step = np.arange(len(values), dtype=np.int64) if steps is None else np.array(steps, np.int64)
    return Series(SeriesInfo("loss", "loss"), step, np.array(values, np.float64), zeros, zeros, zeros)


def found(a: Sequence[float], b: Sequence[float]) -> tuple[int | None, int | None]:
    """Steps of the first difference and of the parting."""
    result = curve(series(a), series(b))
    return (
        None if result.differs is None else result.differs.step,
        None if result.parts is None else result.parts.step,
    )


def noisy(seed: int, count: int = 400, scatter: float = 0.05) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A loss that falls, with the noise of its batches."""
    random = np.random.default_rng(seed)
    return 2 * np.exp(-np.arange(count) / 150) + scatter * random.standard_normal(count)


# --- where curves part


def test_equal_curves_do_not_part() -> None:
    assert found([1, NAN, INF, -INF, 2], [1, NAN, INF, -INF, 2]) == (None, None)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_one_that_is_not_finite_parts_at_once(bad: float) -> None:
    a = noisy(1)
    b = a.copy()
    b[100] = bad
    assert found(list(a), list(b)) == (100, 100)
    assert found(list(b), list(a)) == (100, 100)
    assert found([1, INF, 1], [1, -INF, 1]) == (1, 1)
    assert found([1, NAN, 1], [1, INF, 1]) == (1, 1)


@pytest.mark.parametrize("seed", range(20))
def test_two_seeds_do_not_part(seed: int) -> None:
    a, b = noisy(2 * seed), noisy(2 * seed + 1)
    assert found(list(a), list(b)) == (0, None)


@pytest.mark.parametrize("at", [0, 7, 20, 33, 150, 390])
@pytest.mark.parametrize("by", [1.0, -1.0, 1e30])
def test_a_step_of_twenty_scatters_is_found_where_it_is(at: int, by: float) -> None:
    a, b = noisy(1), noisy(2)
    b[at:] += by
    parted = found(list(a), list(b))[1]
    assert parted is not None
    assert abs(parted - at) <= 1


def test_a_single_spike_is_no_parting_and_one_that_lasts_is() -> None:
    a, b = noisy(1), noisy(2)
    b[100:103] += 5
    assert found(list(a), list(b))[1] is None
    b[100:105] += 5
    assert found(list(a), list(b))[1] == 100


def test_an_explosion_is_found_where_it_begins() -> None:
    a = noisy(1)
    b = a.copy()
    b[200:220] = a[200:220] * 2.0 ** np.arange(20)
    b[220:] = NAN
    differs, parts = found(list(a), list(b))
    assert differs == 201
    assert parts is not None
    assert 201 <= parts <= 203


def test_what_rounding_does_is_no_parting() -> None:
    a = np.full(50, 0.693147)
    assert found(list(a), list(a + 4e-7)) == (0, None)
    assert found(list(a), list(a + 4e-4)) == (0, 0)


def test_a_rate_that_differs_from_some_step_on() -> None:
    a = [0.1] * 50 + [0.01] * 50
    b = [0.1] * 70 + [0.01] * 30
    assert found(a, b) == (50, 50)


def test_only_common_steps_count_and_the_last_value_of_each() -> None:
    a = series([1, 2, 3, 9], [0, 10, 20, 10])
    b = series([1, 9, 4, 5], [0, 10, 15, 30])
    result = curve(a, b)
    assert (result.common, result.differs) == (2, None)
    assert curve(series([1], [0]), series([1], [1])) == Curve("loss", 0, None, None)
    assert curve(series([]), series([1])) == Curve("loss", 0, None, None)


def test_undated_points_are_compared_in_their_order() -> None:
    a, b = series([1, 2, 3], [-1] * 3), series([1, 2, 4, 5], [-1] * 4)
    result = curve(a, b)
    assert result.common == 3
    assert result.differs is not None
    assert result.differs.step == 2


@given(
    a=st.lists(st.tuples(st.integers(-1, 60), st.floats()), max_size=80),
    b=st.lists(st.tuples(st.integers(-1, 60), st.floats()), max_size=80),
)
def test_any_two_curves_can_be_compared(a: list[tuple[int, float]], b: list[tuple[int, float]]) -> None:
    one, two = (series([v for _, v in rows], [s for s, _ in rows]) for rows in (a, b))
    result = curve(one, two)
    assert result.common <= min(len(a), len(b))
    if result.parts is not None:
        assert result.differs is not None
        assert result.parts.step >= result.differs.step
        assert result.parts.a != result.parts.b
    mirrored = curve(two, one)
    assert (mirrored.parts is None) == (result.parts is None)
    assert mirrored.parts is None or result.parts is None or mirrored.parts.step == result.parts.step
    assert curve(one, one).differs is None


# --- what is stated


def facts(**stated: FactValue) -> list[Fact]:
    return [Fact(key.replace("__", "."), value, "log", 1) for key, value in stated.items()]


def test_facts_that_differ_settings_first() -> None:
    a = [*facts(net__name="x", lr=0.1, framework_version="1", same=1), Fact("lr", 0.2, "log", 9)]
    b = facts(net__name="y", lr=0.1, framework_version="2", same=1.0, seed=3)
    differing, alike = differing_facts(a, b)
    assert [(each.key, each.group) for each in differing] == [
        ("lr", "settings"), ("seed", "settings"), ("net.name", "net"), ("framework_version", "environment")
    ]  # fmt: skip
    assert (differing[0].a.value, differing[1].a) == (0.2, None) if differing[0].a else False
    assert alike == 1


@pytest.mark.parametrize(
    ("a", "b"), [(0.1, "0.10"), (True, "true"), (1, 1.0), (NAN, NAN), (NAN, "nan"), ("x", "x"), (10**400, 10**400)]
)
def test_the_same_said_otherwise(a: FactValue, b: FactValue) -> None:
    assert differing_facts(facts(x=a), facts(x=b)) == ((), 1)


@pytest.mark.parametrize(("a", "b"), [(1, True), (0, False), (NAN, INF), ("a", "A"), (10**400, 10**401), (1, "1x")])
def test_what_is_not_the_same(a: FactValue, b: FactValue) -> None:
    assert len(differing_facts(facts(x=a), facts(x=b))[0]) == 1


def layers(*names: str) -> list[Fact]:
    stated = []
    for place, name in enumerate(names):
        stated.append(Fact(f"net.train.layer[{place}].name", name, "log", place))
        stated.append(Fact(f"net.train.layer[{place}].type", name.upper(), "log", place))
    return stated


def test_layers_are_matched_by_name() -> None:
    differing, alike = differing_facts(layers("data", "conv1", "ip"), layers("data", "norm", "conv1", "ip", "ip"))
    assert alike == 6
    assert [each.key for each in differing] == [
        "net.train.layer[norm].name",
        "net.train.layer[norm].type",
        "net.train.layer[ip~2].name",
        "net.train.layer[ip~2].type",
    ]


# --- two reports


def text_of(a: Report, b: Report, *, width: int = 80, verbose: bool = False) -> str:
    out = io.StringIO()
    write(compare(a, b), ("run-a", "run-b"), out, Style(width=width, verbose=verbose))
    return out.getvalue()


def sample(name: str) -> Report:
    return report_of(next(each for each in SAMPLES if each.id == name))


def test_two_real_runs() -> None:
    a, b = sample("sqrt_of_zero_debug"), sample("nan_label_debug")
    result = compare(a, b)
    assert result.first == "a"
    assert (result.bad_a and result.bad_a.step, result.bad_b and result.bad_b.step) == (0, 13)
    assert "data/root/root" in result.only_a
    text = text_of(a, b)
    assert "A went bad at step 0 (backward gradients); B later, at step 13 (activations)." in text
    assert "The curves part at step 0: param/fc1/0 is 0.274444 in A, 0.280322 in B." in text
    rows = [line.split() for line in text.splitlines()]
    assert ["net.train.layer[root]", "Power", "no", "such", "layer"] in rows
    assert "and 11 more; -v shows all" in text
    assert "more;" not in text_of(a, b, verbose=True)


def test_a_run_is_the_same_as_itself(sample: Sample) -> None:
    report = report_of(sample)
    result = compare(report, report)
    assert (result.facts, result.only_a, result.only_b) == ((), (), ())
    assert all(each.differs is None for each in result.curves)
    assert result.first in (None, "both")
    assert (result.first is None) == (result.bad_a is None or result.bad_a.step is None)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_every_line_fits_and_none_ends_in_blanks(width: int) -> None:
    reports = [report_of(each) for each in SAMPLES[::12]]
    for a, b in pairwise(reports):
        for line in text_of(a, b, width=width).splitlines():
            assert len(line) <= width
            assert line == line.rstrip()


def test_hostile_names_do_not_steer_a_terminal() -> None:
    text = text_of(hostile(), MADE["jump"](), verbose=True)
    assert all(char.isprintable() or char == "\n" for char in text)
    document = as_json(compare(hostile(), MADE["jump"]()), (None, "b"))
    assert json.loads(document)["a"]["run_id"] is None
    assert document.isascii()


def test_only_the_training_that_the_report_is_about() -> None:
    """Its facts; and no point of a later one."""
    report = sample("resumed_with_higher_lr")
    assert len(report.run.attempts) > 1
    assert report.onset is not None
    result = compare(report, report)
    assert result.alike == len({fact.key for fact in report.run.of_attempt(report.onset.attempt).facts})


def test_neither_went_bad() -> None:
    a, b = (diagnose_run(make_run({"loss": list(noisy(seed))})) for seed in (1, 2))
    text = text_of(a, b)
    assert "Neither went bad, as far as the logs can tell." in text
    assert "The curves do not part: what differs is no more than noise." in text
    assert "the same in both" not in text
    assert "nothing: no settings, no net" in text


def test_logs_that_have_nothing_in_common() -> None:
    a, b = diagnose_run(make_run({"loss": [1, 2, 3.0]})), diagnose_run(make_run({"lr": [1, 2, 3.0]}))
    assert "No series is in both logs." in text_of(a, b)
    b = diagnose_run(make_run({"loss": [1, 2, 3.0]}, first=100))
    text = text_of(a, b)
    assert "no step in common" in text


def test_the_json_is_strict_and_whole() -> None:
    a, b = sample("sqrt_of_zero_debug"), sample("nan_label_debug")
    document = json.loads(as_json(compare(a, b), ("a-id", None)), parse_constant=pytest.fail)
    assert set(document) == {
        "schema_version", "a", "b", "first_to_go_bad", "facts", "facts_alike", "series", "only_in_a", "only_in_b"
    }  # fmt: skip
    assert document["a"]["bad"] == {"step": 0, "series": "diff/root/fc1", "value": "NaN"}
    assert document["series"][0]["parts"] == {"step": 0, "a": 0.274444, "b": 0.280322}
    assert {each["group"] for each in document["facts"]} <= {"settings", "net", "environment"}
