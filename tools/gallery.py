"""Draw the pictures of ``docs/plots/`` from the sample logs, and name in ``docs/plots.md`` the command that made each.

With ``--check`` nothing is drawn or written: exits with 1 where the page is out of date or a picture is missing.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner
from PIL import Image

import nanlog.cli

_COLOURS = 200
ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "plots.md"
FOLDER = PAGE.with_suffix("")
BEGIN, END = "<!-- generated: gallery -->\n", "<!-- end of generated: gallery -->"
TERMINAL_BEGIN, TERMINAL_END = "<!-- generated: terminal -->\n", "<!-- end of generated: terminal -->"


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture: the log below ``sample_logs/``, the options, and what to see in it."""

    name: str
    log: str
    options: str
    says: str

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.name}.png"

    @property
    def arguments(self) -> list[str]:
        return ["plot", f"sample_logs/{self.log}", *shlex.split(self.options)]


GALLERY = (
    Shown(
        "overview",
        "jsonlines/sqrt_of_zero_nested_gradients/metrics.jsonl",
        "",
        "The overview: loss, rate and gradient norm over the same steps, and the series that went bad first. The line "
        "is the onset; crosses and hatching are NaN, on a row for each curve.",
    ),
    Shown(
        "gradient-of-one-layer",
        "lightning/sqrt_of_zero_gradient_norms_csv",
        "--grad-norms --around-onset 30",
        "Lightning's `grad_2.0_norm` of each parameter: one layer goes first, the others follow a step later.",
    ),
    Shown(
        "division-by-zero",
        "caffe/l2_norm_of_zero_sample_debug/train.log",
        "--grad-norms",
        "Caffe's debug output: backward, the NaN went from the loss towards the input within one step; what is 0 "
        "afterwards are ReLUs that let nothing through.",
    ),
    Shown(
        "one-bad-sample",
        "caffe/nan_sample_masked_by_softmax_debug/train.log",
        "--activations --grad-norms",
        "One bad sample, layer by layer: the NaN of the input goes to the output within the step, the gradients of all "
        "weights go with it, and a step later every layer is lost, although the input is finite again.",
    ),
    Shown(
        "resumed-with-higher-rate",
        "caffe/resumed_with_higher_lr/train.log",
        "",
        "A training that was resumed with a rate too high: the earlier one is paler, the checkpoint to go back to is "
        "marked, and so is the step from which the loss grew. Forty decades need a logarithmic axis.",
    ),
    Shown(
        "activations-grow",
        "caffe/lr_too_high_linear_debug/train.log",
        "--activations --params",
        "A rate too high: outputs and parameters grow by a constant factor until float32 ends: the loss first, as +Inf "
        "(dots), then as NaN (hatching).",
    ),
    Shown(
        "update-ratio",
        "caffe/healthy_lenet_debug/train.log",
        "--ratio",
        "A healthy training: how large each update is beside its parameter.",
    ),
    Shown(
        "masked-by-the-framework",
        "huggingface/nan_batch_filtered/train.log",
        "",
        "Hugging Face's Trainer prints 0 for a NaN loss: points that stand for NaN are ringed, or they would look like "
        "the best batches of all.",
    ),
    Shown(
        "masked-by-a-clamp",
        "caffe/nan_sample_masked_by_softmax_debug/train.log",
        "",
        "Caffe's clamp: 87.3365 is no loss, and one bad sample is where it came from.",
    ),
    Shown(
        "schedule-turns-nan",
        "keras/schedule_turns_nan/train.log",
        "",
        "The schedule computes NaN; the loss follows.",
    ),
    Shown(
        "skipped-updates",
        "megatron/skipped_updates_megatron/train.log",
        "--loss --grad-norms --series loss_scale",
        "A loss scaler at work: an infinite gradient that did no harm.",
    ),
    Shown(
        "gan",
        "text/log_of_zero_gan/train.log",
        "--loss",
        "Two losses of two networks, in a log of somebody's own wording.",
    ),
    Shown(
        "healthy-with-restart",
        "tensorboard/healthy_restarts_with_purge_step/runs",
        "",
        "TensorBoard's event files of a healthy training that was stopped and resumed.",
    ),
    Shown(
        "diverges-and-stays-finite",
        "nanogpt/lr_too_high_adam_nanogpt/train.log",
        "",
        "Nothing is NaN, and yet this training is lost.",
    ),
    Shown(
        "table",
        "table/exponential_schedule/train.log",
        "",
        "A table of epochs: the rate doubles until the loss cannot follow.",
    ),
)
TERMINAL = Shown("terminal", "nanogpt/lr_too_high_nanogpt/train.log", "--loss --terminal", "")


def main(arguments: list[str]) -> int:
    """Draw all pictures and write the page, or check them."""
    text = page()
    if "--check" in arguments:
        missing = [one.file.name for one in GALLERY if not one.file.exists()]
        stale = [] if PAGE.read_text("utf-8") == text else [PAGE.name]
        if missing or stale:
            print("out of date; `make gallery` writes them anew: " + ", ".join(missing + stale))
        return 1 if missing or stale else 0
    FOLDER.mkdir(exist_ok=True)
    for one in GALLERY:
        run([*one.arguments, "--out", str(one.file), "--force"])
        shrink(one.file)
    PAGE.write_text(text, encoding="utf-8")
    return 0


def shrink(file: Path) -> None:
    """Few colours: a third of the bytes, and hardly to be told from the original."""
    with Image.open(file) as image:
        image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)


def run(arguments: list[str]) -> str:
    """What the program prints, run in the root of the repository with a store that is thrown away."""
    with tempfile.TemporaryDirectory() as store, contextlib.chdir(ROOT):
        done = CliRunner(env={"NANLOG_STORE": store}).invoke(nanlog.cli.cli, arguments, catch_exceptions=False)
    if done.exit_code:
        raise SystemExit(f"{shlex.join(arguments)}: {done.stderr}")
    return done.stdout


def page() -> str:
    """The page with its two generated parts renewed."""
    text = PAGE.read_text("utf-8")
    for begin, end, part in ((BEGIN, END, gallery()), (TERMINAL_BEGIN, TERMINAL_END, terminal())):
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise SystemExit(f"{PAGE} does not hold {begin.strip()} and, below it, {end}")
        text = before + begin + part + end + after
    return text


def gallery() -> str:
    return "\n".join(
        f"### {one.name.replace('-', ' ').capitalize()}\n\n{one.says}\n\n"
        f"    nanlog {shlex.join(one.arguments)}\n\n![{first_sentence(one.says)}](plots/{one.file.name})\n"
        for one in GALLERY
    )


def first_sentence(text: str) -> str:
    """A point inside of a name (``grad_2.0_norm``) ends no sentence."""
    return re.split(r"\.(?:\s|\Z)", text, maxsplit=1)[0]


def terminal() -> str:
    return f"```text\n$ nanlog {shlex.join(TERMINAL.arguments)}\n{run(TERMINAL.arguments).rstrip()}\n```\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
