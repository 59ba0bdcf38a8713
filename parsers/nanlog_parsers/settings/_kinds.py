"""Whose settings a file holds, by the keys at its beginning."""

from __future__ import annotations

import json
import re
from enum import Enum, auto

__all__ = ["Kind", "kind_of"]


class Kind(Enum):
    """Whose settings."""

    MODEL = auto()  #: of Hugging Face: transformers, diffusers
    KERAS = auto()
    DEEPSPEED = auto()
    TRAINING = auto()


_SURE, _LIKELY = 0.85, 0.3
#: Fewer keys that are known prove nothing.
_ENOUGH = 3

#: JSON is used for anything: what has no key of its kind's own must be called settings.
_CALLED = re.compile(r"conf|cfg|arg|param|setting|opt|hyp|setup|options|train")
_JSON_KEY = re.compile(rb'"([\w.]{1,60})"\s{0,20}:')
_YAML_KEY = re.compile(rb"^[ \t-]{0,40}([A-Za-z_][\w.]{0,60}):(?=[ \t\r]|$)", re.MULTILINE)
#: A list of losses is what a training left, whatever settings stand beside it.
_HISTORY = re.compile(
    rb'"(?:log_history|history|(?:[\w/.]{0,60}[_/.])?(?:loss|losses|acc|accuracy))"\s{0,20}:\s{0,20}[\[{]'
)
#: What each kind has and no other: at least two of a row.
_OWN: tuple[tuple[Kind, frozenset[bytes]], ...] = (
    (
        Kind.DEEPSPEED,
        frozenset(
            b"train_micro_batch_size_per_gpu zero_optimization steps_per_print wall_clock_breakdown gradient_clipping "
            b"initial_scale_power zero_allow_untested_optimizer prescale_gradients loss_scale_window "
            b"warmup_max_lr".split()
        ),
    ),
    (
        Kind.TRAINING,
        frozenset(
            b"per_device_train_batch_size lr_scheduler_type logging_steps adam_epsilon num_train_epochs save_strategy "
            b"eval_strategy evaluation_strategy max_grad_norm".split()
        ),
    ),
    (Kind.KERAS, frozenset(b"class_name keras_version compile_config build_config".split())),
    (
        Kind.MODEL,
        frozenset(
            b"model_type architectures transformers_version torch_dtype initializer_range layer_norm_eps "
            b"layer_norm_epsilon rms_norm_eps _class_name _diffusers_version".split()
        ),
    ),
    # what ``accelerate config`` writes
    (Kind.TRAINING, frozenset(b"compute_environment distributed_type".split())),
)
#: What trainings of anybody are set with.
_COMMON = frozenset(
    b"lr learning_rate base_lr lr0 lrf max_lr min_lr optimizer optim optimiser optimizer_name weight_decay momentum "
    b"betas adam_eps batch_size train_batch_size micro_batch_size per_device_train_batch_size dropout epochs "
    b"num_epochs max_epochs n_epochs num_train_epochs max_steps max_iters train_steps warmup_steps warmup_ratio "
    b"warmup_iters warmup_epochs num_warmup_steps lr_scheduler scheduler lr_scheduler_type gamma grad_clip clip_grad "
    b"max_grad_norm gradient_clip_val gradient_accumulation_steps mixed_precision precision fp16 bf16 amp seed".split()
)


def kind_of(file: str, head: bytes) -> tuple[Kind, float]:
    """Whose settings a file holds, judged by its name and beginning, and how sure that is (0..1)."""
    name, text = file.lower(), head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] == b"{" and (name.endswith((".json", ".hjson")) or _is_whole(text)):
        keys = frozenset(_JSON_KEY.findall(text))
    elif name.endswith((".yaml", ".yml")):
        keys = frozenset(_YAML_KEY.findall(text))
    else:
        return Kind.TRAINING, 0.0
    if _HISTORY.search(text) or _is_lines(text):
        return Kind.TRAINING, 0.0
    for kind, own in _OWN:
        if len(keys & own) > 1:
            return kind, _SURE
    is_called_so = text[:1] != b"{" or _CALLED.search(name.replace("\\", "/").rpartition("/")[2])
    return Kind.TRAINING, _LIKELY if is_called_so and len(keys & _COMMON) >= _ENOUGH else 0.0


def _is_whole(text: bytes) -> bool:
    """Whether the text is one object and nothing besides: a log that begins with its settings goes on."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _is_lines(text: bytes) -> bool:
    """Whether the text is an object in each line, as logs are."""
    first, _, rest = text.partition(b"\n")
    return first.rstrip(b"\r, ").endswith(b"}") and rest.lstrip()[:1] == b"{"
