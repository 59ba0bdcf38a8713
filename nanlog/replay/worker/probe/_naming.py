"""What an operator is called in public, whatever torch calls it inside."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

__all__ = ["BUNDLES", "name_of_function", "name_of_kernel", "name_of_node"]

#: Functions that are a layer rather than an operator: what they call is more to the point.
BUNDLES = frozenset({"multi_head_attention_forward", "backward", "grad", "step"})

_SPELLED = {
    "truediv": "div",
    "rtruediv": "div",
    "itruediv": "div",
    "rdiv": "div",
    "idiv": "div",
    "true_divide": "div",
    "divide": "div",
    "floordiv": "floor_divide",
    "rpow": "pow",
    "ipow": "pow",
    "rsub": "sub",
    "isub": "sub",
    "subtract": "sub",
    "radd": "add",
    "iadd": "add",
    "rmul": "mul",
    "imul": "mul",
    "multiply": "mul",
    "rmatmul": "matmul",
    "imatmul": "matmul",
    "linalg_norm": "norm",
    "linalg_vector_norm": "norm",
    "linalg_matrix_norm": "norm",
    "special_xlogy": "xlogy",
    "arccos": "acos",
    "arcsin": "asin",
}
#: Kernels whose name says less than that of the function they do the work of.
_KERNELS = {
    "addmm": "linear",
    "convolution": "conv",
    "convolution_overrideable": "conv",
    "mkldnn_convolution": "conv",
    "to_copy": "to",
    "local_scalar_dense": "item",
    "batch_norm_with_update": "batch_norm",
    "batch_norm_impl_index": "batch_norm",
    "nll_loss2d": "nll_loss",
    "index": "getitem",
    "index_put": "setitem",
    "select": "getitem",
    "slice": "getitem",
    "fused_adam": "adam",
    "fused_adamw": "adamw",
    "fused_sgd": "sgd",
    "safe_softmax": "softmax",
    "conj_copy": "conj",
    "transformer_encoder_layer_fwd": "transformer_encoder_layer",
    "native_multi_head_attention": "multi_head_attention",
}
_AFFIXES = re.compile(
    r"^_*(?:foreach_|native_|cudnn_|miopen_|mps_|mkldnn_(?!conv)|thnn_|fused_dropout_)?"
    r"(.*?)(?:_forward|_legit|_no_training|_for_cpu|_mps|_dim|_backward_data|_backward)*_*$"
)


@cache
def name_of_kernel(kernel: str) -> str:
    """Of an ATen operator without its overload.

    >>> name_of_kernel("_log_softmax"), name_of_kernel("native_layer_norm"), name_of_kernel("_foreach_addcdiv_")
    ('log_softmax', 'layer_norm', 'addcdiv')
    >>> name_of_kernel("_scaled_dot_product_flash_attention_for_cpu")
    'scaled_dot_product_attention'
    """
    if "scaled_dot_product" in kernel:
        return "scaled_dot_product_attention"
    bare = _AFFIXES.sub(r"\1", kernel) or kernel
    return _SPELLED.get(bare, _KERNELS.get(bare, bare))


@cache
def name_of_node(node: str) -> str:
    """Of a node of the autograd graph.

    >>> name_of_node("NllLossBackward0"), name_of_node("LinalgVectorNormBackward0"), name_of_node("AddmmBackward0")
    ('nll_loss', 'norm', 'linear')
    """
    bare = re.sub(r"Backward(Data)?\d*$|Backwards$", "", node.rpartition("::")[2])
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", bare).lower()
    return name_of_kernel(snake)


def name_of_function(function: Any) -> str:
    """Of a function of torch as a function mode sees it."""
    name = str(getattr(function, "__name__", "") or type(function).__name__)
    if name in ("__get__", "__set__"):
        name = str(getattr(getattr(function, "__self__", None), "__name__", name))
    return _plain(name)


@cache
def _plain(name: str) -> str:
    """Without the spelling that Python's operators and in-place forms have.

    >>> _plain("log_"), _plain("__rtruediv__"), _plain("_foreach_add_"), _plain("_native_multi_head_attention")
    ('log', 'div', 'add', 'multi_head_attention')
    """
    bare = name.split(".")[0]
    if bare.startswith("__"):
        bare = bare.strip("_")
        return _SPELLED.get(bare, bare)
    if bare.startswith("_"):
        return name_of_kernel(bare)
    return _SPELLED.get(bare.rstrip("_"), bare.rstrip("_"))
