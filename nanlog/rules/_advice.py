"""The same advice in the words of what the user runs: where a rate is set, how to clip, how to look inside a step."""

from __future__ import annotations

from dataclasses import dataclass

from nanlog.model import Run

__all__ = ["Advice", "advice_for"]


@dataclass(frozen=True, slots=True)
class Advice:
    """Parts of sentences; those that begin with a verb are whole remedies or tests.

    ``gradients`` and ``rates`` say how to have these logged, as "SETTING prints them" or "SETTING".
    """

    framework: str
    optimizer: str  #: what is taken where nobody chooses one; "" where everybody has to
    rate: str
    clip: str
    inside: str
    gradients: str
    rates: str
    schedule: str
    schedule_test: str
    every_step: str
    check_batch: str
    anomaly: str
    full_precision: str
    initialise: str
    seed: str

    def loggable(self, need: str) -> str:
        """What a rule needs, as far as this framework can log it; "" where it cannot.

        Only Caffe prints its net and what is inside of every layer; elsewhere the gradients come nearest.
        """
        if self.framework == "caffe":
            return need
        kind = need.partition("/")[0]
        return "" if kind in ("data", "param") or need.startswith("fact:net.") else need.replace("diff/*", "grad_norm*")

    def how(self, field: str) -> str:
        """How to have something logged: ``gradients``, ``rates`` or ``inside`` (of a step); "" for another word."""
        if field == "inside":
            return self.gradients
        return {"gradients": self.gradients, "rates": self.rates}.get(field, "")


_CAFFE = Advice(
    framework="caffe",
    optimizer="SGD",
    rate="base_lr in solver.prototxt",
    clip="add clip_gradients to solver.prototxt (start at the usual L2 norm of the gradient)",
    inside="and debug_info: true",
    gradients="debug_info: true in solver.prototxt prints them",
    rates="set display above 0 in solver.prototxt: the rate is printed with the loss",
    schedule='correct lr_policy and its parameters in solver.prototxt (lr_policy: "fixed" settles whether it is them)',
    schedule_test='print the schedule for all steps, or run with lr_policy: "fixed"; '
    "the log's own parameters are enough",
    every_step="display: 1 in solver.prototxt",
    check_batch="run the steps before it with debug_info: true and display: 1: a bad batch shows in the data layer's "
    "top first",
    anomaly="run to that step with debug_info: true and display: 1, and look for the first [Backward] line that says "
    "nan",
    full_precision="run the same steps with default_forward_type and default_backward_type: FLOAT and nothing else "
    "changed",
    initialise="give every learnable layer a weight_filler (xavier or msra) and look at the first activations",
    seed="with random_seed set, then once with solver_mode: CPU",
)

_TORCH = Advice(
    framework="pytorch",
    optimizer="",
    rate="lr of the optimizer",
    clip="clip: torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) between backward() and step()",
    inside="logging the gradient norm of every step",
    gradients="log what torch.nn.utils.clip_grad_norm_ returns",
    rates="log scheduler.get_last_lr() with the loss",
    schedule="correct the schedule: print the rate of every step before training (a division by 0 steps, a root of a "
    "negative number, a warm-up without an end)",
    schedule_test="print the schedule's rate for all steps without training, or train with a constant rate",
    every_step="logging every step",
    check_batch="load the batches of those steps alone and look at torch.isfinite(x).all(), x.abs().max() and the "
    "range of the labels; then train past them without the batch",
    anomaly="run that step with torch.autograd.set_detect_anomaly(True): it names the operation whose gradient is NaN",
    full_precision="run the same steps in float32 (autocast off) and nothing else changed",
    initialise="look at the parameters before the first step: all finite, and activations of about 1 after every layer",
    seed="with torch.manual_seed set and torch.use_deterministic_algorithms(True), then once on the CPU",
)

_LIGHTNING = Advice(
    framework="lightning",
    optimizer="",
    rate="lr in configure_optimizers",
    clip="clip: Trainer(gradient_clip_val=1.0)",
    inside="logging lightning.pytorch.utilities.grad_norm(self, 2) in on_before_optimizer_step",
    gradients="self.log_dict(grad_norm(self, norm_type=2)) in on_before_optimizer_step prints them",
    rates="add the callback LearningRateMonitor(logging_interval='step')",
    schedule=_TORCH.schedule,
    schedule_test=_TORCH.schedule_test,
    every_step="Trainer(log_every_n_steps=1)",
    check_batch=_TORCH.check_batch,
    anomaly="run that step with Trainer(detect_anomaly=True): it names the operation whose gradient is NaN",
    full_precision='run the same steps with Trainer(precision="32-true") and nothing else changed',
    initialise=_TORCH.initialise,
    seed="with seed_everything and Trainer(deterministic=True), then once with accelerator='cpu'",
)

_HUGGING_FACE = Advice(
    framework="transformers",
    optimizer="ADAMW",
    rate="learning_rate in TrainingArguments",
    clip="clip: max_grad_norm=1.0 in TrainingArguments",
    inside="logging_steps=1 and logging_nan_inf_filter=False",
    gradients="transformers 4.38 and later logs grad_norm with every loss",
    rates="learning_rate is logged with every loss unless a callback removes it",
    schedule="correct lr_scheduler_type and its arguments; print scheduler.get_last_lr() for all steps before training",
    schedule_test='print the schedule\'s rate for all steps, or train with lr_scheduler_type="constant"',
    every_step="logging_steps=1 and logging_nan_inf_filter=False",
    check_batch=_TORCH.check_batch,
    anomaly=_TORCH.anomaly,
    full_precision="run the same steps with fp16=False (and bf16=False) and nothing else changed",
    initialise="look at the parameters before the first step: all finite, and none missing in the checkpoint",
    seed="with seed and full_determinism=True, then once with use_cpu=True",
)

_KERAS = Advice(
    framework="keras",
    optimizer="",
    rate="learning_rate of the optimizer",
    clip="clip: clipnorm=1.0 in the optimizer",
    inside="and a callback that logs the loss of every batch (on_train_batch_end)",
    gradients="Keras logs no gradients: return their norm as a metric from a train_step of your own",
    rates="Keras 3 logs learning_rate with a LearningRateScheduler or ReduceLROnPlateau; else return it as a metric",
    schedule="correct the schedule: evaluate it for all steps before training (decay_steps=0 divides by zero)",
    schedule_test="evaluate the schedule for all steps without training, or train with a constant learning_rate",
    every_step="TensorBoard(update_freq=1), or a callback with on_train_batch_end",
    check_batch="load the batches of those steps alone and look at numpy.isfinite(x).all(), abs(x).max() and the range "
    "of the labels; then train past them without the batch",
    anomaly="run that step with tf.debugging.enable_check_numerics() (TensorFlow) or "
    "torch.autograd.set_detect_anomaly(True) (torch): it names the operation",
    full_precision='run the same steps with keras.mixed_precision.set_global_policy("float32"), nothing else changed',
    initialise="look at model.get_weights() before the first step: all finite, and activations of about 1 after every "
    "layer",
    seed="with keras.utils.set_random_seed, then once on the CPU",
)

_BY_WORD = {
    "caffe": _CAFFE,
    "keras": _KERAS,
    "lightning": _LIGHTNING,
    "transformers": _HUGGING_FACE,
    "huggingface": _HUGGING_FACE,
}


def advice_for(run: Run) -> Advice:
    """By the framework that the log names, else by who can read the log; PyTorch where nothing tells."""
    fact = run.fact("framework")
    for word in (*(str(fact.value).lower().split() if fact is not None else ()), *run.parser.split("+")):
        if word in _BY_WORD:
            return _BY_WORD[word]
    return _TORCH
