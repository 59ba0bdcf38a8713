"""What each framework calls things, and which setting of it has something logged."""

from __future__ import annotations

from dataclasses import replace

from nanlog.model import Run
from nanlog.rules._advice import Advice

__all__ = ["advice_for"]

_CAFFE = Advice(
    framework="caffe",
    optimizer="SGD",
    rate="base_lr in solver.prototxt",
    clip="add clip_gradients to solver.prototxt (start at the usual L2 norm of the gradient)",
    inside="and debug_info: true",
    schedule='correct lr_policy and its parameters in solver.prototxt (lr_policy: "fixed" settles whether it is them)',
    schedule_test='print the schedule for all steps, or run with lr_policy: "fixed"; '
    "the log's own parameters are enough",
    finite="",
    skip="run again to {span} with debug_info: true and display: 1; what goes bad first names the cause: the data "
    "layer's top a bad batch, the loss layer the loss itself, a [Backward] line a gradient, and growth over steps "
    "before it the rate",
    anomaly="run to that step with debug_info: true and display: 1, and look for the first [Backward] line that says "
    "nan",
    full_precision="run the same steps with default_forward_type and default_backward_type: FLOAT and nothing else "
    "changed",
    wider="",
    scaler="",
    initialise="give every learnable layer a weight_filler (xavier or msra) and look at the first activations",
    seed="with random_seed set, then once with solver_mode: CPU",
    gradients="debug_info: true in solver.prototxt prints them",
    layer_gradients="debug_info: true in solver.prototxt prints them",
    rates="set display above 0 in solver.prototxt: the rate is printed with the loss",
    parameters="debug_info: true in solver.prototxt prints them",
    values="debug_info: true in solver.prototxt prints them",
    precision="",
    layers="",
    seed_line="",
)

#: The recorder keeps the last batches and names the first operation that goes bad, whatever the framework on torch.
_RECORD = "nanlog record train.py keeps the last batches and names what goes bad first"

_TORCH = Advice(
    framework="pytorch",
    optimizer="",
    rate="lr of the optimizer",
    clip="clip: torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) between backward() and step()",
    inside="logging the gradient norm of every step",
    schedule="correct the schedule: print the rate of every step before training (a division by 0 steps, a root of a "
    "negative number, a warm-up without an end)",
    schedule_test="print the schedule's rate for all steps without training, or train with a constant rate",
    finite="torch.isfinite(x).all(), x.abs().max() and the range of the labels",
    skip="",
    anomaly="run that step with torch.autograd.set_detect_anomaly(True): it names the operation whose gradient is NaN",
    full_precision="run the same steps in float32 (autocast off) and nothing else changed",
    wider="use torch.autocast with dtype=torch.bfloat16",
    scaler="scale the loss with torch.amp.GradScaler, which skips a step that overflows",
    initialise="look at the parameters before the first step: all finite, and activations of about 1 after every layer",
    seed="with torch.manual_seed set and torch.use_deterministic_algorithms(True), then once on the CPU",
    gradients="log what torch.nn.utils.clip_grad_norm_ returns",
    layer_gradients="log p.grad.norm() as grad_norm/NAME for NAME, p in model.named_parameters(), after backward()",
    rates="log scheduler.get_last_lr() with the loss",
    parameters="log the norm of all parameters as param_norm, from before the first step on",
    values=_RECORD,
    precision="print the dtype of autocast and of the parameters as precision=...",
    layers="",
    seed_line="torch.manual_seed(SEED), and print seed=SEED",
    checkpoint="checkpoint.pt",
    target=" --target replay_target.py",
)

_LIGHTNING = replace(
    _TORCH,
    framework="lightning",
    rate="lr in configure_optimizers",
    clip="clip: Trainer(gradient_clip_val=1.0)",
    inside="logging lightning.pytorch.utilities.grad_norm(self, 2) in on_before_optimizer_step",
    anomaly="run that step with Trainer(detect_anomaly=True): it names the operation whose gradient is NaN",
    full_precision='run the same steps with Trainer(precision="32-true") and nothing else changed',
    wider='use Trainer(precision="bf16-mixed")',
    scaler='use Trainer(precision="16-mixed"), whose loss scaler skips a step that overflows',
    seed="with seed_everything and Trainer(deterministic=True), then once with accelerator='cpu'",
    gradients="self.log_dict(grad_norm(self, norm_type=2)) in on_before_optimizer_step prints them",
    layer_gradients="self.log_dict(grad_norm(self, norm_type=2)) in on_before_optimizer_step prints them",
    rates="add the callback LearningRateMonitor(logging_interval='step')",
    precision="save_hyperparameters() with the precision of the Trainer",
    layers="Trainer(callbacks=[ModelSummary(max_depth=-1)])",
    seed_line="seed_everything(SEED)",
    checkpoint="last.ckpt",
)

_HUGGING_FACE = replace(
    _TORCH,
    framework="transformers",
    optimizer="ADAMW",
    rate="learning_rate in TrainingArguments",
    clip="clip harder: max_grad_norm in TrainingArguments, below its default of 1.0",
    inside="logging_steps=1 and logging_nan_inf_filter=False",
    schedule="correct lr_scheduler_type and its arguments; print scheduler.get_last_lr() for all steps before training",
    schedule_test='print the schedule\'s rate for all steps, or train with lr_scheduler_type="constant"',
    full_precision="run the same steps with fp16=False (and bf16=False) and nothing else changed",
    wider="use bf16=True instead of fp16=True in TrainingArguments",
    scaler="use fp16=True on a model kept in float32: its loss scaler skips a step that overflows",
    initialise="look at the parameters before the first step: all finite, and none missing in the checkpoint",
    seed="with seed and full_determinism=True, then once with use_cpu=True",
    gradients="transformers 4.38 and later logs grad_norm with every loss",
    layer_gradients="log p.grad.norm() as grad_norm/NAME in a callback's on_pre_optimizer_step",
    rates="learning_rate is logged with every loss unless a callback removes it",
    parameters="",
    values=f"logging_steps=1 and logging_nan_inf_filter=False show the step; {_RECORD}",
    precision="print(training_args), which names fp16 and bf16",
    seed_line="print(training_args), which names the seed",
    checkpoint="checkpoint-STEP",
)

_KERAS = replace(
    _TORCH,
    framework="keras",
    rate="learning_rate of the optimizer",
    clip="clip: clipnorm=1.0 in the optimizer",
    inside="and a callback that logs the loss of every batch (on_train_batch_end)",
    schedule="correct the schedule: evaluate it for all steps before training (decay_steps=0 divides by zero)",
    schedule_test="evaluate the schedule for all steps without training, or train with a constant learning_rate",
    finite="numpy.isfinite(x).all(), abs(x).max() and the range of the labels",
    anomaly="run that step with tf.debugging.enable_check_numerics() (TensorFlow) or "
    "torch.autograd.set_detect_anomaly(True) (torch): it names the operation",
    full_precision='run the same steps with keras.mixed_precision.set_global_policy("float32"), nothing else changed',
    wider='use keras.mixed_precision.set_global_policy("mixed_bfloat16")',
    scaler="use keras.optimizers.LossScaleOptimizer, which skips a step that overflows",
    initialise="look at model.get_weights() before the first step: all finite, and activations of about 1 after every "
    "layer",
    seed="with keras.utils.set_random_seed, then once on the CPU",
    gradients="Keras logs no gradients: return their norm as a metric from a train_step of your own",
    layer_gradients="Keras logs no gradients: return their norms as metrics grad_norm/NAME from a train_step of yours",
    rates="Keras 3 logs learning_rate with a LearningRateScheduler or ReduceLROnPlateau; else return it as a metric",
    parameters="",
    values=f"{_RECORD}, where Keras runs on torch",
    precision="print keras.mixed_precision.global_policy() as precision=...",
    layers="model.summary() before fit",
    seed_line="keras.utils.set_random_seed(SEED), and print seed=SEED",
    checkpoint="model.keras",
)

_NANOGPT = replace(
    _TORCH,
    framework="nanogpt",
    optimizer="ADAMW",
    rate="learning_rate in the configuration",
    clip="clip harder: grad_clip in the configuration, below its default of 1.0",
    inside="log_interval = 1 and the gradient norm printed beside the loss",
    schedule="correct learning_rate, warmup_iters, lr_decay_iters and min_lr in the configuration",
    schedule_test="print get_lr(it) for all iterations, or train with decay_lr = False",
    full_precision="run the same steps with dtype = 'float32' and nothing else changed",
    wider="use dtype = 'bfloat16'",
    gradients="print what clip_grad_norm_ returns in the line of each iteration",
    rates="print lr in the line of each iteration (wandb_log = True logs it, too)",
    precision="--dtype=... on the command line, which is printed as an override",
    seed_line="",
    checkpoint="out/ckpt.pt",
)

_MEGATRON = replace(
    _TORCH,
    framework="megatron",
    rate="--lr",
    clip="clip harder: --clip-grad below its default of 1.0",
    inside="--log-interval 1 and --log-params-norm",
    schedule="correct --lr-decay-style, --lr-warmup-iters and --lr-decay-iters",
    schedule_test="print the rate of all iterations without training, or train with --lr-decay-style constant",
    full_precision="run the same iterations without --fp16 (and --bf16) and nothing else changed",
    wider="use --bf16 instead of --fp16",
    scaler="use --fp16 with its dynamic loss scale (no --loss-scale), which skips a step that overflows",
    seed="with --seed and --deterministic-mode, then once on other GPUs",
    gradients="--log-interval 1 prints them",
    layer_gradients="",
    rates="--log-interval 1 prints the rate",
    parameters="--log-params-norm prints them",
    values="--check-for-nan-in-loss-and-grad stops at the first of them and names the rank",
    precision="keep the head of the log, where the arguments are printed",
    seed_line="keep the head of the log, where the arguments are printed",
    checkpoint="",
    target="",
)

_DEEPSPEED = replace(
    _TORCH,
    framework="deepspeed",
    rate="lr of the optimizer in the DeepSpeed configuration",
    clip='clip: "gradient_clipping": 1.0 in the DeepSpeed configuration',
    inside='"steps_per_print": 1 and engine.get_global_grad_norm() logged',
    full_precision='run the same steps with "fp16": {"enabled": false} and nothing else changed',
    wider='use "bf16": {"enabled": true} instead of "fp16"',
    scaler='use "fp16": {"loss_scale": 0}, the dynamic one, which skips a step that overflows',
    gradients="log engine.get_global_grad_norm() after each step",
    layer_gradients="",
    rates='"steps_per_print": 1 prints the rate',
    precision="keep the head of the log, where the configuration is printed",
    checkpoint="",
    target="",
)

_TORCHTITAN = replace(
    _TORCH,
    framework="torchtitan",
    optimizer="ADAMW",
    rate="lr in [optimizer]",
    clip="clip harder: max_norm in [training], below its default of 1.0",
    inside="log_freq = 1 in [metrics]",
    schedule="correct [lr_scheduler]: warmup_steps, decay_ratio, decay_type",
    full_precision='run the same steps with mixed_precision_param = "float32" and nothing else changed',
    wider='use mixed_precision_param = "bfloat16"',
    precision="keep the head of the log, where the configuration is printed",
    checkpoint="",
    target="",
)

_BY_WORD = {
    "caffe": _CAFFE,
    "keras": _KERAS,
    "lightning": _LIGHTNING,
    "transformers": _HUGGING_FACE,
    "huggingface": _HUGGING_FACE,
    "nanogpt": _NANOGPT,
    "megatron": _MEGATRON,
    "megatron-lm": _MEGATRON,
    "deepspeed": _DEEPSPEED,
    "torchtitan": _TORCHTITAN,
}


def advice_for(run: Run) -> Advice:
    """By the framework that the log names, else by who can read the log; PyTorch where nothing tells."""
    fact = run.fact("framework")
    for word in (*(str(fact.value).lower().split() if fact is not None else ()), *run.parser.split("+")):
        if word in _BY_WORD:
            return _BY_WORD[word]
    return _TORCH
