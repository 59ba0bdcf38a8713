"""Operations kept away from the places where they, or their gradients, are undefined."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from .lines import at, users_line
from .modes import PublicFunctions, operator

__all__ = ["EPSILON", "GUARDS", "Guard", "Guarded"]

#: The customary one under a log or a root in 32 bit.
EPSILON = 1e-6

Call = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Guard:
    """``says`` is what to write in the code; ``call`` calls the function that way."""

    says: str
    call: Callable[[Call, tuple[Any, ...], dict[str, Any]], Any]


def _first(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Call, tuple[Any, ...], dict[str, Any]], Any]:
    """Change the first operand."""

    def call(func: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not args:
            return func(**{key: change(value) if key == "input" else value for key, value in kwargs.items()})
        return (
            func(change(args[0]), *args[1:], **kwargs) if isinstance(args[0], torch.Tensor) else func(*args, **kwargs)
        )

    return call


def _second_at_least(func: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if len(args) < 2 or not isinstance(args[1], torch.Tensor):
        return func(*args, **kwargs)
    return func(args[0], _at_least(args[1]), *args[2:], **kwargs)


def _away_from_zero(tensor: Any) -> Any:
    if not isinstance(tensor, torch.Tensor):
        return tensor if tensor else EPSILON
    if not tensor.is_floating_point():
        return torch.where(tensor == 0, torch.ones_like(tensor), tensor)
    sign = torch.where(tensor < 0, -EPSILON, EPSILON).to(tensor.dtype)
    return torch.where(tensor.abs() < EPSILON, sign, tensor)


def _divide(func: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    reflected = getattr(func, "__name__", "") in ("__rdiv__", "__rtruediv__")
    if len(args) < 2:
        return func(*args, **{k: _away_from_zero(v) if k == "other" else v for k, v in kwargs.items()})
    top, bottom = (args[0], args[1])
    return func(_away_from_zero(top), bottom) if reflected else func(top, _away_from_zero(bottom), *args[2:], **kwargs)


def _mean(func: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return args[0].sum() if args and args[0].numel() == 0 else func(*args, **kwargs)


def _zero_if_nan(func: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A mean over nothing is 0, and has the gradient 0."""
    result = func(*args, **kwargs)
    return args[0].sum() * 0 if result.numel() == 1 and bool(result.isnan()) else result


def _masked(tensor: torch.Tensor) -> torch.Tensor:
    """A mask of -inf turned to a large negative number: a row of nothing else becomes uniform."""
    if tensor.dtype == torch.bool:
        empty = ~tensor.any(-1, keepdim=True)
        return tensor | empty
    return torch.nan_to_num(tensor, nan=float("nan"), posinf=float("inf"), neginf=torch.finfo(tensor.dtype).min / 4)


def _attention(func: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Bool masks of attention say what may be seen; those of padding what may not."""
    kwargs = dict(kwargs)
    for key in ("attn_mask", "key_padding_mask"):
        mask = kwargs.get(key)
        if isinstance(mask, torch.Tensor):
            hides = mask.dtype == torch.bool and getattr(func, "__name__", "") != "scaled_dot_product_attention"
            kwargs[key] = ~_masked(~mask) if hides else _masked(mask)
    if len(args) > 3 and isinstance(args[3], torch.Tensor):
        args = (*args[:3], _masked(args[3]), *args[4:])
    return func(*args, **kwargs)


def _spread(func: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The deviation of equal values is 0, its gradient undefined; that of a single value is undefined itself."""
    one = args[0].numel() == 1
    squared = torch.var(*args, **({**kwargs, "correction": 0} if one else kwargs))
    return squared if getattr(func, "__name__", "") == "var" else (squared + EPSILON).sqrt()


def _subtract(func: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Infinity less the same infinity is 0: a row that is masked as a whole, less its maximum."""
    if len(args) < 2 or not all(isinstance(each, torch.Tensor) for each in args[:2]):
        return func(*args, **kwargs)
    one, other = args[:2]
    same = torch.isinf(one) & (one == other)
    return func(one.masked_fill(same, 0.0), torch.where(same, torch.zeros_like(other), other), *args[2:], **kwargs)


def _exponential(tensor: torch.Tensor) -> torch.Tensor:
    """Half of what the dtype can hold, so that a product of two is still finite."""
    return tensor.clamp_max(math.log(torch.finfo(tensor.dtype).max) / 2) if tensor.is_floating_point() else tensor


def _ctc(func: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return func(*args[:6], **{**kwargs, "zero_infinity": True})


def _at_least(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.clamp_min(EPSILON)


def _inside_one(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.clamp(-1 + EPSILON, 1 - EPSILON)


def _shifted(tensor: torch.Tensor) -> torch.Tensor:
    return tensor + EPSILON


_LOG = Guard(f"x.clamp_min({EPSILON:g}) before the log", _first(_at_least))
_ROOT = Guard(f"x.clamp_min({EPSILON:g}) under the root", _first(_at_least))
_DIV = Guard(f"a denominator of at least {EPSILON:g}", _divide)
_EDGE = Guard(f"x.clamp(-1 + {EPSILON:g}, 1 - {EPSILON:g}) before it", _first(_inside_one))
_SOFTMAX = Guard("a row that is masked as a whole sees everything", _first(_masked))
_EMPTY = Guard("0 where nothing is left to average", _zero_if_nan)
_ATTENTION = Guard("a row that is masked as a whole sees everything", _attention)
_NORM = Guard(f"x + {EPSILON:g} inside the norm", _first(_shifted))
_STD = Guard(f"sqrt(var + {EPSILON:g}) instead of the deviation", _spread)

#: By the public operator.
GUARDS: dict[str, Guard] = {
    **dict.fromkeys(("log", "log2", "log10"), _LOG),
    "log1p": Guard(f"x.clamp_min(-1 + {EPSILON:g}) before log1p", _first(lambda x: x.clamp_min(-1 + EPSILON))),
    **dict.fromkeys(("sqrt", "rsqrt"), _ROOT),
    "pow": Guard(f"x.clamp_min({EPSILON:g}) before the power", _first(_at_least)),
    "div": _DIV,
    "reciprocal": Guard(f"a denominator of at least {EPSILON:g}", _first(_away_from_zero)),
    **dict.fromkeys(("acos", "asin", "atanh"), _EDGE),
    "sub": Guard("0 for infinity less infinity", _subtract),
    "exp": Guard("x.clamp_max(44) before the exponential", _first(_exponential)),
    "ctc_loss": Guard("zero_infinity=True", _ctc),
    "logit": Guard(
        f"x.clamp({EPSILON:g}, 1 - {EPSILON:g}) before logit", _first(lambda x: x.clamp(EPSILON, 1 - EPSILON))
    ),
    "xlogy": Guard(f"y.clamp_min({EPSILON:g}) before xlogy", _second_at_least),
    **dict.fromkeys(("softmax", "log_softmax"), _SOFTMAX),
    **dict.fromkeys(("scaled_dot_product_attention", "multi_head_attention_forward"), _ATTENTION),
    "mean": Guard("0 where nothing is left to average", _mean),
    **dict.fromkeys(("cross_entropy", "nll_loss"), _EMPTY),
    **dict.fromkeys(("norm", "vector_norm", "dist", "pairwise_distance", "cdist"), _NORM),
    **dict.fromkeys(("std", "var"), _STD),
    "weight_norm": Guard(f"v + {EPSILON:g} inside the norm of the weight", _first(_shifted)),
}


class Guarded(PublicFunctions):
    """Guards one operator on one line."""

    def __init__(self, op: str, file: str | None, line: int | None) -> None:
        super().__init__()
        self.op = operator(op)
        self.file, self.line = file, line

    def call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = operator(func)
        # The softmax of torch's own attention is called where no mode sees it.
        same = name == self.op or (self.op, name) == ("softmax", "multi_head_attention_forward")
        if same and at(users_line(), self.file, self.line):
            return GUARDS[name].call(func, args, kwargs)
        return func(*args, **kwargs)
