"""Numbers of 16 bits where their range will not do.

float16 ends at 65504 and is 0 below 2^-25, about 3e-8 (IEEE 754-2008, binary16); Adam's epsilon of 1e-8 is 0 in it.
"""

from __future__ import annotations

from collections.abc import Iterator

from nanlog.model import Evidence
from nanlog.rules._hazards._stated import Setting, Stated
from nanlog.rules._view import View

__all__ = ["computes_in_float16", "precision"]

_PRECISIONS = ("precision", "mixed_precision", "amp_dtype")
#: Words for float16 with a copy of the weights in float32, which all loss scalers go with.
_MIXED = ("16", "16-mixed", "fp16", "float16")
#: Words for weights in float16.
_PURE = ("16-true", "fp16-true", "half")
_CHECKPOINT = ("torch_dtype", "dtype")
#: google-research/t5x trains them so, and transformers issue 10830 has what comes of float16.
_BFLOAT_FAMILIES = ("t5", "mt5", "umt5", "longt5")


def precision(view: View, stated: Stated) -> Iterator[Evidence]:
    yield from _pure(view, stated)
    half = computes_in_float16(stated)
    if half is None:
        yield from _loaded(view, stated)
        return
    for setting in stated.named("model_type"):
        if setting.word in _BFLOAT_FAMILIES and setting.parent == "model":
            says = f"{setting.word} was trained in bfloat16, and its activations can exceed 65504, the largest float16,"
            yield view.stated(half.fact, f"{says} in which this training computes (transformers issue 10830): use bf16")
            return
    for setting in stated.named(*_CHECKPOINT):
        if setting.word.removeprefix("torch.") == "bfloat16" and setting.parent == "model":
            says = f"{_name(half)} computes in float16 with a model whose weights are kept in bfloat16"
            yield view.stated(half.fact, f"{says}: what exceeds 65504 there is inf here; use bf16")
            return


def _pure(view: View, stated: Stated) -> Iterator[Evidence]:
    """Weights and optimiser in float16: Lightning's ``16-true``, Keras' policy ``float16``."""
    why = (
        "keeps the weights in float16 too, without a loss scaler: Adam's epsilon of 1e-8 is 0 in it, and 65504 the end"
    )
    for setting in stated.named(*_PRECISIONS):
        if setting.word in _PURE:
            yield view.stated(setting.fact, f"{_name(setting)} {why}")
    for setting in stated.named("dtype_policy", "name"):
        of_policy = setting.key == "dtype_policy" or setting.parent.endswith(("dtype.config", "dtype_policy.config"))
        if of_policy and setting.word == "float16":
            yield view.stated(setting.fact, f"the policy float16 {why}")


def _loaded(view: View, stated: Stated) -> Iterator[Evidence]:
    """A model that is loaded in float16 is trained in it unless something says otherwise."""
    said = [*stated.named("fp16", "bf16", *_PRECISIONS), *stated.named("quant_method", "load_in_4bit", "load_in_8bit")]
    if any(setting.is_on or setting.word not in ("false", "null", "none", "no", "") for setting in said):
        return
    for setting in stated.named(*_CHECKPOINT):
        if setting.word.removeprefix("torch.") == "float16" and setting.parent == "model":
            says = (
                f"{setting.key}: float16 is what a model loaded so is trained in: 65504 is the end, and Adam's epsilon"
            )
            yield view.stated(setting.fact, says + " of 1e-8 is 0 in it; load it in float32 or bfloat16 to train it")


def computes_in_float16(stated: Stated) -> Setting | None:
    """The setting that makes a training compute in float16 with a loss scaler."""
    for setting in stated.named("fp16", "enabled"):
        if setting.is_on and (setting.key == "fp16" or setting.parent.endswith(".fp16")):
            return setting
    return next((setting for setting in stated.named(*_PRECISIONS) if setting.word in _MIXED), None)


def _name(setting: Setting) -> str:
    """``fp16: true``; of ``fp16.enabled`` the object too."""
    key = f"{setting.parent.rpartition('.')[2]}.{setting.key}" if setting.key == "enabled" else setting.key
    return f"{key}: {setting.word}"
