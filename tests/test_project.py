"""What must hold of the repository itself: samples, documentation, the commands that a newcomer types."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest

from labelled_logs import ROOT, SAMPLES, Sample, samples_of
from nanlog.model import Cause, Pattern, Phase
from nanlog.registry import parsers

#: A path of somebody's machine.  Spelled so that this line is none.
PRIVATE = re.compile(rb"(?<![\w.])/(?:home|root|Users)/\w|[A-Z]:\\Users\\")

LARGE = 1_000_000  #: nothing in the project is; logs made for timing are
SOURCES = {"caffe", "keras", "lightning", "tensorboard", "hf", "other"}
DATED = [sample for sample in SAMPLES if sample.label.get("onset_line") is not None]
HEAVY = ("matplotlib", "numpy", "pandas", "pyarrow", "rich")


def project_files() -> list[Path]:
    """Every file of the project; what tools leave behind is hidden, or a build, a cache or an environment."""
    made = {"build", "dist", "__pycache__"}
    tops = [top for top in ROOT.iterdir() if top.name[0] != "." and top.name not in made and not is_environment(top)]
    files = [path for top in tops for path in (top, *top.rglob("*")) if path.is_file()]
    return [path for path in files if not made & set(path.parts) and path.stat().st_size < LARGE]


def is_environment(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").exists()


def test_a_label_uses_the_known_words(sample: Sample) -> None:
    label = sample.label
    assert label["id"] == sample.id
    assert label["source"] in SOURCES | {sample.dialect}
    assert sample.accepted("pattern") <= set(Pattern)
    assert sample.accepted("cause") <= set(Cause)
    assert label["phase"] is None or label["phase"] in set(Phase)
    if not label.get("benign"):
        assert label["healthy"] == (label["pattern"] == "healthy") == (label["cause"] == "none")


def test_no_two_samples_have_the_same_name() -> None:
    assert len({sample.id for sample in SAMPLES}) == len(SAMPLES)


def test_a_sample_is_whole_and_small(sample: Sample) -> None:
    files = {path for path in sample.folder.rglob("*") if path.is_file()}
    assert files == {*sample.files, sample.folder / "label.json"}
    assert sum(file.stat().st_size for file in files) < 400_000


@pytest.mark.parametrize("sample", DATED, ids=lambda sample: sample.id)
def test_a_label_points_at_a_line_that_shows_the_nan(sample: Sample) -> None:
    lines = sample.lines(None)
    assert lines is not None
    assert sample.is_shown_by(lines[sample.label["onset_line"] - 1])


def test_samples_cover_what_caffe_can_show() -> None:
    patterns = {sample.label["pattern"] for sample in samples_of("caffe")}
    causes = {sample.label["cause"] for sample in samples_of("caffe")}
    assert patterns == set(Pattern)
    assert set(Cause) - causes == {Cause.FP16_OVERFLOW, Cause.SOFTWARE_BUG, Cause.AMP_SKIP, Cause.UNKNOWN}


@pytest.mark.parametrize("dialect", sorted({sample.dialect for sample in SAMPLES}))
def test_a_dialect_has_a_parser_a_page_and_a_healthy_sample(dialect: str) -> None:
    assert dialect in {parser.name for parser in parsers()}
    assert (ROOT / "docs" / "formats" / f"{dialect}.md").exists()
    assert any(sample.harmless for sample in samples_of(dialect))


def test_nothing_private_is_in_the_project() -> None:
    assert [path for path in project_files() if PRIVATE.search(path.read_bytes())] == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("[!.]*/**/*.md")), ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_ci_runs_the_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    command = next(line for line in script if line.startswith("python3 -m venv"))
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")


def test_constraints_pin_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    names = {re.split(r"[<>=~!\[; ]", requirement)[0].lower() for requirement in wanted}
    assert names <= {name.lower().replace("_", "-") for name in pinned}


def test_starting_up_loads_no_heavy_library() -> None:
    code = f"import sys, nanlog.cli; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
