"""The measurement of accuracy: its arithmetic on numbers made by hand, and the whole of it on real logs."""

from __future__ import annotations

import math
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labelled_logs import ROOT, Sample, report_of, samples_of
from tools._accuracy_page import page
from tools._labelled import Candidate, Judged, Label, candidates_of, judged, labels_in, stem
from tools._measures import Paired, brier, calibration_error, paired, reliability, wilson
from tools._model import FEWEST_RUNS, SMALLEST, answers, design, fitted, log_loss, runs_of
from tools._outcomes import Comparison, cross_validated, folds, outcomes, summary
from tools._weights_file import by_hand, with_weights
from tools.accuracy import WEIGHTS, main, measured

SHIPPED = tomllib.loads(WEIGHTS.read_text(encoding="utf-8"))
#: Two rules with a sign for each, and one against.
SMALL = {
    "prior": {"lr_too_high": 0.0, "faulty_input": 0.0, "unknown": 0.0},
    "lr_too_high": {"grew": 1.0, "calm": -1.0},
    "faulty_input": {"jump": 1.0},
}


def case(cause: str, run: str, *candidates: Candidate, source: str = "other") -> Judged:
    fields = {"id": run, "source": source, "run": run, "files": [], "healthy": False, "cause": cause}
    return Judged(Label(Path(), fields), "unhealthy", candidates=candidates)


def grew(*signs: str) -> Candidate:
    return Candidate("lr_too_high", "lr_too_high", dict.fromkeys(signs or ("grew",), 1))


def jumped() -> Candidate:
    return Candidate("faulty_input", "faulty_input", {"jump": 1})


def growth(runs: int, right: int) -> list[Judged]:
    """As many runs that grew, of which some were due to the rate."""
    return [
        case("lr_too_high" if index < right else "faulty_input", f"run {index}", grew(), jumped())
        for index in range(runs)
    ]


def test_the_brier_score_is_the_mean_squared_error() -> None:
    assert brier([0.9, 0.6, 0.2], [True, False, False]) == pytest.approx((0.01 + 0.36 + 0.04) / 3)
    assert brier([1.0, 0.0], [True, False]) == 0
    assert math.isnan(brier([], []))


def test_wilsons_interval_is_that_of_the_textbook() -> None:
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_bin_holds_its_lower_end_and_the_last_one_holds_1() -> None:
    bins = reliability([0.5, 0.6, 0.9, 1.0, 0.1], [True, False, True, True, False], edges=(0.0, 0.5, 0.9, 1.0))
    assert [(b.low, b.count, b.right) for b in bins] == [(0.0, 1, 0.0), (0.5, 2, 0.5), (0.9, 2, 1.0)]
    assert [b.stated for b in bins] == pytest.approx([0.1, 0.55, 0.95])
    assert calibration_error(bins) == pytest.approx((0.1 + 2 * 0.05 + 2 * 0.05) / 5)


def test_an_empty_bin_is_left_out() -> None:
    assert [b.low for b in reliability([0.99], [True])] == [0.95]


def test_the_logs_of_one_run_are_one_witness() -> None:
    apart = paired([1.0, -1.0, 1.0, -1.0], ["a", "b", "c", "d"])
    together = paired([1.0, 1.0, -1.0, -1.0], ["a", "a", "b", "b"])
    assert (apart.mean, apart.error) == pytest.approx((0.0, 0.5))
    assert (together.mean, together.error) == pytest.approx((0.0, math.sqrt(8) / 4))


def test_a_gain_within_the_standard_error_is_none() -> None:
    gain, chance, loss = Paired(-0.02, 0.01), Paired(-0.01, 0.02), Paired(0.02, 0.01)
    assert Comparison(gain, gain).better
    assert not any(Comparison(*pair).better for pair in ((gain, chance), (chance, gain), (gain, loss)))


def test_folds_keep_runs_whole_and_are_even() -> None:
    runs = [f"run {index // 3}" for index in range(60)] + [f"alone {index}" for index in range(40)]
    fold = folds(runs, 5)
    assert all(len({f for f, own in zip(fold, runs, strict=True) if own == run}) == 1 for run in set(runs))
    assert [fold.count(number) for number in range(5)] == [20] * 5
    assert fold == folds(runs, 5)


@pytest.mark.parametrize(
    ("name", "configuration"),
    [
        ("o1_v09999_lenet_lr1_debug_d1", "lenet_lr1"),
        ("l08_lenet_lr1_debug_d1", "lenet_lr1"),
        ("o3_rc2_lenet_lr1_debug_d1", "lenet_lr1"),
        ("f14_division_zero_batch_k8", "division_zero_batch"),
        ("ae-lr-state", "ae-lr"),
        ("pooling_stride_3", "pooling_stride_3"),
    ],
)
def test_versions_of_one_configuration_share_a_stem(name: str, configuration: str) -> None:
    assert stem(name) == configuration


def test_confidences_are_a_softmax_with_something_else() -> None:
    found = answers(case("lr_too_high", "a", grew(), jumped()), SMALL)
    assert [a.cause for a in found] == ["faulty_input", "lr_too_high"]
    assert [a.confidence for a in found] == pytest.approx([math.e / (2 * math.e + 1)] * 2)


def test_a_cause_with_nothing_for_it_is_not_shown_but_weighs() -> None:
    (only,) = answers(case("lr_too_high", "a", grew("calm"), jumped()), SMALL)
    assert only.confidence == pytest.approx(math.e / (math.e + math.exp(-1) + 1))


def test_log_loss_asks_for_something_else_where_no_rule_had_the_cause() -> None:
    assert log_loss(case("lr_too_high", "a", grew()), SMALL) == pytest.approx(-math.log(math.e / (math.e + 1)))
    assert log_loss(case("relu_rnn", "a", grew()), SMALL) == pytest.approx(-math.log(1 / (math.e + 1)))


def test_the_slope_is_that_of_the_log_likelihood() -> None:
    cases = [*growth(5, 3), case("relu_rnn", "x", grew("grew", "calm")), case("lr_too_high", "x", grew("calm"))]
    arrays = design(cases, SMALL)
    at = np.array([0.3, -0.7, 1.1])
    value, slope = arrays.log_likelihood(at)
    for index in range(3):
        ahead = at + 1e-6 * (np.arange(3) == index)
        assert (arrays.log_likelihood(ahead)[0] - value) / 1e-6 == pytest.approx(slope[index], abs=1e-4)


def test_what_few_runs_show_keeps_its_weight() -> None:
    assert fitted(growth(FEWEST_RUNS - 1, 0), SMALL) == SMALL


def test_logs_of_one_run_do_not_add_up() -> None:
    same = [case("faulty_input", "one", grew(), jumped()) for _ in range(50)]
    assert runs_of(same) == {("lr_too_high", "grew"): 1, ("faulty_input", "jump"): 1}
    assert fitted(same, SMALL) == SMALL


def test_a_fit_moves_towards_what_was_right() -> None:
    weights = fitted(growth(40, 36), SMALL)
    assert weights["lr_too_high"]["grew"] > 1.5 > 1.0 > weights["faulty_input"]["jump"]
    assert weights["lr_too_high"]["calm"] == -1.0
    assert weights["prior"] == SMALL["prior"]


def test_a_sign_never_changes_sides() -> None:
    weights = fitted(growth(400, 0), SMALL)
    assert weights["lr_too_high"]["grew"] == SMALLEST


def test_the_fit_is_where_the_posterior_is_flat() -> None:
    """Checked by a scan over both weights that are free."""
    cases = growth(20, 15)
    arrays = design(cases, SMALL)
    centre = np.array([1.0, -1.0, 1.0])

    def posterior(weights: list[float]) -> float:
        off = np.array(weights) - centre
        return arrays.log_likelihood(np.array(weights))[0] - float(off @ off)  # precision 2, halved

    grid = np.arange(0.1, 3.0, 0.05)
    best = max(((posterior([a, -1.0, b]), a, b) for a in grid for b in grid), key=lambda found: found[0])
    weights = fitted(cases, SMALL)
    assert weights["lr_too_high"]["grew"] == pytest.approx(best[1], abs=0.04)
    assert weights["faulty_input"]["jump"] == pytest.approx(best[2], abs=0.04)


def test_a_case_is_judged_by_weights_that_never_saw_its_fold() -> None:
    """One fold says the opposite of the other: each must be judged by what the other says."""
    cases = growth(40, 40)[:20] + growth(40, 0)[20:]
    fold = [0] * 20 + [1] * 20
    found = cross_validated(cases, SMALL, fold)
    assert [o.case for o in found] == cases
    assert {o.first for o in found[:20]} == {"faulty_input"}
    assert {o.first for o in found[20:]} == {"lr_too_high"}
    assert summary(found).top1 == 0.0
    assert summary(found).top3 == 1.0


def test_fitting_twice_starts_from_the_same_weights() -> None:
    text = "# Why.\n\n[prior]\nlr_too_high = 0.0\n\n[lr_too_high]\ngrew = 1.0\ncalm = -1.0\n"
    once = with_weights(text, {"prior": {"lr_too_high": 0.0}, "lr_too_high": {"grew": 1.62, "calm": -1.0}})
    assert "grew = 1.62  # by hand: 1.0\ncalm = -1.0\n" in once
    assert once.startswith("# Why.\n")
    assert by_hand(once) == by_hand(text) == tomllib.loads(text)
    assert tomllib.loads(once)["lr_too_high"]["grew"] == 1.62
    assert with_weights(once, tomllib.loads(text)) == text


def test_the_weights_in_use_survive_being_written() -> None:
    text = WEIGHTS.read_text(encoding="utf-8")
    assert with_weights(text, SHIPPED) == text


def test_the_model_is_the_one_of_the_engine(sample: Sample) -> None:
    report = report_of(sample)
    again = answers(
        Judged(Label(sample.folder, sample.label), report.verdict, None, None, candidates_of(report)), SHIPPED
    )
    assert [(a.cause, round(a.confidence, 4)) for a in again] == [(f.cause, f.confidence) for f in report.findings]


@pytest.fixture(scope="module")
def keras() -> list[Judged]:
    return list(judged(labels_in([ROOT / "sample_logs" / "keras"])))


def test_real_cases_are_judged_without_their_labels(keras: list[Judged]) -> None:
    assert {c.label.id for c in keras} == {sample.id for sample in samples_of("keras")}
    assert {c.verdict for c in keras if c.label.kind == "healthy"} == {"healthy"}
    assert {c.verdict for c in keras if c.label.kind == "unhealthy"} == {"unhealthy"}


def test_a_log_given_twice_counts_once(tmp_path: Path) -> None:
    folder = ROOT / "sample_logs" / "nanogpt"
    shutil.copytree(folder, tmp_path / "again")
    assert len(labels_in([folder, tmp_path])) == len(labels_in([folder])) == len(samples_of("nanogpt"))


def test_the_page_tells_of_every_case_once(keras: list[Judged]) -> None:
    found = measured(keras, [], WEIGHTS.read_text(encoding="utf-8"))
    text = page(found)
    assert f"{len(keras)} logs of " in text
    assert f"{len(keras)} of the logs stand in `sample_logs/`" in text
    failed = [c for c in keras if c.explained]
    confusion = text.partition("## Which causes")[2].partition("##")[0]
    totals = [
        int(line.split("|")[-2])
        for line in confusion.splitlines()
        if line[:2] == "| " and line.split("|")[-2].strip().isdigit()
    ]
    assert sum(totals) == len(failed) == len(found.shipped)
    assert all(
        f"`{key}` " in text or f"`{key}` |" in text
        for rule, table in SHIPPED.items()
        if rule != "prior"
        for key in table
    )


def test_logs_apart_are_told_of_and_not_fitted(keras: list[Judged]) -> None:
    text = WEIGHTS.read_text(encoding="utf-8")
    alone, apart = measured(keras, [], text), measured(keras, keras, text)
    assert replace(apart, apart_hand=[], apart_fitted=[]) == alone
    assert f"set by hand, {len(apart.apart_hand)} logs apart" in page(apart)
    assert "logs apart" not in page(alone)


def test_the_command_writes_the_page_and_keeps_weights_that_too_few_runs_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, written = tmp_path / "weights.toml", tmp_path / "accuracy.md"
    shutil.copyfile(WEIGHTS, weights)
    options = ["--fit", "--weights", str(weights), "--page", str(written)]
    assert main([str(ROOT / "sample_logs" / "nanogpt"), *options]) == 0
    assert written.read_text(encoding="utf-8").startswith("# How often nanlog is right")
    assert weights.read_bytes() == WEIGHTS.read_bytes()
    assert "nothing was changed" in capsys.readouterr().out


def test_a_folder_without_labels_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--page", str(tmp_path / "page.md")]) == 1
    assert "no label.json" in capsys.readouterr().err
    assert not (tmp_path / "page.md").exists()


def test_an_outcome_of_the_page_has_the_engines_confidence(keras: list[Judged]) -> None:
    found = {o.case.label.id: o for o in outcomes([c for c in keras if c.explained], SHIPPED)}
    reports = {sample.id: report_of(sample) for sample in samples_of("keras") if sample.id in found}
    assert {name: round(o.confidence, 4) for name, o in found.items()} == {
        name: report.findings[0].confidence for name, report in reports.items()
    }
