"""What the public operators of torch are to a NaN: where each is undefined, and which cause that makes likely."""

from __future__ import annotations

from .outcome import FirstNonfinite, ReplayPhase

__all__ = ["DIVISIONS", "NORMS", "OVERFLOWING", "RECURRENT", "SINGULAR", "is_norm", "nominated"]

#: They divide by a sum, a count or a norm, which may be of nothing; ``sub`` is how a masked row loses its maximum.
_DIVISIONS = """
    div divide true_divide reciprocal mean nanmean average std var std_mean var_mean cross_entropy nll_loss softmax
    log_softmax logsumexp sub scaled_dot_product_attention multi_head_attention_forward fmod remainder weight_norm
"""
#: Undefined, or infinite, at a point that finite operands can reach.
_SINGULAR = """
    log log2 log10 log1p xlogy sqrt rsqrt pow float_power acos asin atanh arccos arcsin arctanh acosh logit norm
    vector_norm exp expm1 lgamma digamma erfinv tan softplus cholesky inverse det logdet slogdet kl_div
    binary_cross_entropy poisson_nll_loss gaussian_nll_loss ctc_loss
"""
_NORMS = """
    batch_norm layer_norm group_norm instance_norm rms_norm local_response_norm native_batch_norm native_layer_norm
"""
DIVISIONS = frozenset(_DIVISIONS.split())
SINGULAR = frozenset(_SINGULAR.split())
NORMS = frozenset(_NORMS.split())
#: Infinite far away from any usual operand; a bound before them is always a cure.
OVERFLOWING = frozenset({"exp", "expm1"})
RECURRENT = frozenset({"rnn_relu", "rnn_tanh", "rnn_relu_cell", "lstm", "gru"})

_SHORT = ("float16", "bfloat16")


def is_norm(first: FirstNonfinite) -> bool:
    """Whether it arose in a layer that normalises activations, not in one that normalises a weight."""
    kind = (first.module_type or "").lower()
    return first.op in NORMS or ("norm" in kind and not any(word in kind for word in ("spectral", "weight")))


def nominated(first: FirstNonfinite | None) -> tuple[str, ...]:
    """The causes that the place where the fault arose makes likely, the likeliest first."""
    if first is None:
        return ()
    by_phase = {
        ReplayPhase.PARAMETER: ("bad_initialisation",),
        ReplayPhase.OPTIMIZER_STATE: ("bad_initialisation",),
        ReplayPhase.INPUT: ("faulty_input",),
        ReplayPhase.UPDATE: ("lr_too_high", "bad_lr_policy", "division_by_zero_sparsity"),
    }
    if first.phase in by_phase:
        return by_phase[first.phase]
    found = ["fp16_overflow"] if (first.dtype or "").removeprefix("torch.") in _SHORT else []
    if is_norm(first):
        found.append("batchnorm_instability")
    if first.op in RECURRENT:
        found.append("relu_rnn")
    if first.phase is ReplayPhase.BACKWARD:
        found.append("undefined_gradient")
    elif first.op in DIVISIONS:
        found.append("division_by_zero_sparsity")
    elif first.op in SINGULAR:
        found.append("faulty_loss")
    return (*found, "lr_too_high", "faulty_input")
