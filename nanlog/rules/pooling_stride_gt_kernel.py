"""Average pooling with a stride larger than its kernel: the last window can lie outside the image.

What it sees
    An AVE pooling layer with stride > kernel whose last window begins exactly at the edge; that layer goes bad
    first, in the first forward pass.

Why it ends in NaN
    The window holds no pixel; its average is 0/0.  MAX pooling gives -FLT_MAX there and does not.

Fires on
    average_pooling_stride_gt_kernel_debug

Quiet on
    healthy_lenet_debug, sqrt_of_zero_debug, nan_bias_filler, infogain_matrix_nan_debug

What to do
    Set ``stride`` to at most ``kernel_size``, or pad, or choose an image size at which no window is empty.

May be wrong when
    The input size is not in the log; then only the parameters speak, and other sizes are harmless.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from nanlog.model import Cause, Pattern, Phase, Sign
from nanlog.rules._net import Layer
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import View


def signs(view: View) -> Iterator[Sign]:
    if view.onset.pattern in (Pattern.HEALTHY, Pattern.INVALID_LR):
        return
    for layer in suspects(view):
        stride, kernel = _stride(layer), _kernel(layer)
        empty = last_window_is_empty(view, layer)
        if empty is False:
            continue
        says = f"'{layer.name}' pools AVE with stride {stride} > kernel {kernel}"
        says += "; its last window lies outside the image" if empty else ""
        key = "window_outside" if empty else "stride_gt_kernel"
        yield view.sign(key, view.stated(layer.fact("pooling_param.stride"), says))
        if view.located is not None:
            same = view.located.layer == layer.name and view.phase is Phase.FORWARD
            key = "pooling_first" if same else "other_layer_first"
            yield view.sign(key, view.seen(view.located, f"{view.located.series} is the first to go bad"))
        if view.onset.pattern is Pattern.FROM_START and view.first is not None:
            yield view.sign(
                "from_start", view.seen(view.first, "bad in the first forward pass, as an empty window must be")
            )
        elif view.first is not None:
            yield view.sign(
                "not_from_start", view.seen(view.first, "the first steps were finite; an empty window is not")
            )
        return


def suspects(view: View) -> list[Layer]:
    return [
        layer
        for layer in view.net.of_type("Pooling")
        if layer.value("pooling_param.pool", "MAX") == "AVE" and _stride(layer) > _kernel(layer) > 0
    ]


def _stride(layer: Layer) -> int:
    return max(_whole(layer, "stride", 1), _whole(layer, "stride_h", 0))


def _kernel(layer: Layer) -> int:
    return _whole(layer, "kernel_size", 0) or _whole(layer, "kernel_h", 0)


def _whole(layer: Layer, field: str, default: int) -> int:
    """A whole number of pixels; 0 where what was printed is none."""
    value = layer.number(f"pooling_param.{field}", default)
    return int(value) if abs(value) < 1 << 31 else 0


def last_window_is_empty(view: View, layer: Layer) -> bool | None:
    """Whether the last window begins exactly at the edge; None where the input's size is not in the log.

    Caffe rounds the output size up (``ceil((H + 2 pad - kernel) / stride) + 1``), and with padding drops a last window
    that begins outside the padded image.  An empty window has size 0 and gives 0/0; one that begins beyond the edge
    has a negative size and gives -0.
    """
    size = _input_size(view, layer)
    if size is None:
        return None
    kernel, stride, pad = _kernel(layer), _stride(layer), _whole(layer, "pad", 0)
    for length in size:
        outputs = math.ceil((length + 2 * pad - kernel) / stride) + 1
        if pad and (outputs - 1) * stride >= length + pad:
            outputs -= 1
        if (outputs - 1) * stride - pad == length + (pad if pad else 0):
            return True
    return False


def _input_size(view: View, layer: Layer) -> tuple[int, int] | None:
    """Height and width of what ``layer`` reads, from the ``Top shape`` lines of the layer that wrote it."""
    if not layer.bottoms:
        return None
    blob = layer.bottoms[0]
    earlier = [writer for writer in view.net.writers(blob) if writer.index < layer.index]
    for writer in reversed(earlier):
        fact = view.run.fact(f"shape.train.{writer.name}[{writer.tops.index(blob)}]")
        parts = str(fact.value).split() if fact is not None else []
        if len(parts) == 4 and all(part.isdigit() for part in parts):
            return int(parts[2]), int(parts[3])
    return None


def remedies(view: View) -> Iterator[str]:
    for layer in suspects(view):
        yield f"set stride of the pooling layer '{layer.name}' to at most its kernel_size ({_kernel(layer)})"


def next_test(view: View) -> str:
    names = ", ".join(f"'{layer.name}'" for layer in suspects(view))
    return f"set stride <= kernel_size in {names} and run one forward pass: the first loss must be finite"


RULE = CauseRule(
    __name__,
    Cause.POOLING_STRIDE_GT_KERNEL,
    signs,
    remedies,
    next_test,
    needs=("fact:net.train.layer*",),
)
