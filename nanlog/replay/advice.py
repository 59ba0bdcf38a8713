"""What to do after a replay: the change that was seen to work, in the words of the code it belongs in."""

from __future__ import annotations

from .outcome import Outcome, ReplayPhase

__all__ = ["advice"]

_CHANGES = {
    "lr/10": "lower the learning rate: a tenth of it was seen to survive these steps",
    "lr/1000": "lower the learning rate: a thousandth of it survives these steps, a tenth does not",
    "clip": "clip the gradients: torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) before optimizer.step()",
    "drop_samples": "repair or leave out the samples named above, and look for others like them: add --scan-inputs",
    "eps": "give the layers of normalisation a larger eps, for example nn.BatchNorm2d(n, eps=1e-3)",
    "eval_norm": "use larger batches or running statistics: a batch of equal values has no variance",
    "optimizer_eps": "give the optimizer an eps: Adam(..., eps=1e-8)",
    "float32": "compute this operation in float32: with torch.autocast(device, enabled=False), or use bfloat16",
    "float64": "the arithmetic runs out of digits: write the formula in its stable form (logsumexp, log1p, expm1)",
    "loss_float64": "write the loss in its stable form (log_softmax, logsigmoid, binary_cross_entropy_with_logits)",
    "reset_optimizer": "resume with a fresh optimizer, or from an earlier checkpoint",
    "restore_weights": "resume from an earlier checkpoint: this one is corrupt",
    "tanh": "bound the recurrence: tanh instead of relu, or gradient clipping and an identity initialisation",
}


def advice(outcome: Outcome) -> tuple[str, ...]:
    """The change that was seen to work; what would tell more when none was, or nothing was reproduced."""
    if outcome.reproduced is False:
        return (
            "name the steps around the onset (--steps A:B) and a checkpoint from before it",
            "was the order of the data another one? give the batches of those steps: --batches FILE",
            "record the training, so that its steps can be repeated exactly: nanlog record train.py",
        )
    if outcome.reproduced is None:
        return ()
    if any(each.cause == "software_bug" for each in outcome.confirmed):
        return ("run it on other hardware, with another version of torch, and with CUDA_LAUNCH_BLOCKING=1",)
    if any(each.cause == "bad_lr_policy" for each in outcome.confirmed):
        return ("mend the schedule: print the learning rate that it sets in each step before you train again",)
    first = outcome.first_nonfinite
    if not outcome.confirmed and first is not None:
        if first.phase is ReplayPhase.PARAMETER:
            return ("name a checkpoint from before the training died: this one holds what came of it",)
        if ":" in (first.value or "") and outcome.steps is not None and first.step == outcome.steps[0]:
            return ("does the training itself end in this error? if not, the target is not yet that training",)
    name = outcome.smallest_change
    if name is None and any(each.cause == "faulty_input" for each in outcome.confirmed):
        name = "drop_samples"
    if name is None:
        return ("an earlier checkpoint may show what led here: none of the changes removed the fault",)
    if name == "drop_samples" and first is not None and first.samples is None:
        return ("repair or leave out that batch, and look for others like it: add --scan-inputs",)
    if name == "guard_op":
        detail = next(trial.detail for trial in outcome.trials if trial.intervention == name)
        return (f"mend that line: {detail.partition(';')[0]}",)
    return (_CHANGES.get(name, f"the change {name!r} removed the fault"),)
