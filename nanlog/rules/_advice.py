"""The same advice in the words of what the user runs: where a rate is set, how to clip, how to look inside a step."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Advice"]

#: What a rule needs that only a log of Caffe, or only one of the others, can have.
_OF_CAFFE = ("fact:net.", "fact:solver.")
_OF_OTHERS = ("fact:model.", "fact:precision", "fact:seed")


@dataclass(frozen=True, slots=True)
class Advice:
    """Parts of sentences; those that begin with a verb are whole remedies or tests.

    ``gradients``, ``layer_gradients``, ``rates``, ``parameters``, ``values``, ``precision``, ``layers`` and
    ``seed_line`` say how to have these logged, as "SETTING prints them" or "SETTING"; "" where the framework cannot.
    ``checkpoint`` is what its checkpoints are usually called, "" where ``nanlog replay`` does not read them, and
    ``target`` what a replay needs besides.
    """

    framework: str
    optimizer: str  #: what is taken where nobody chooses one; "" where everybody has to
    rate: str
    clip: str
    inside: str
    schedule: str
    schedule_test: str
    finite: str  #: the expressions that look at a batch
    skip: str  #: how to see which of several steps is the bad one, from a log of more detail
    anomaly: str
    full_precision: str
    wider: str  #: how to have bfloat16 instead of float16
    scaler: str
    initialise: str
    seed: str
    gradients: str
    layer_gradients: str
    rates: str
    parameters: str
    values: str
    precision: str
    layers: str
    seed_line: str
    checkpoint: str = ""
    target: str = ""

    def check(self, span: str, *, several: bool) -> str:
        """The test of the batches of ``span``."""
        if self.skip:
            return self.skip.format(span=span)
        them = "batches" if several else "batch"
        rest = "them without the bad one" if several else "it without that batch"
        return f"load the {them} of {span} alone and look at {self.finite}; then train past {rest}"

    def loggable(self, need: str) -> str:
        """What a rule needs, as far as this framework can log it; "" where it cannot."""
        if need.startswith(_OF_OTHERS if self.framework == "caffe" else _OF_CAFFE):
            return ""
        wanted = need
        if self.framework != "caffe":
            wanted = need.replace("diff/*", "grad_norm/*").replace("param/*", "param_norm")
        return wanted if self.framework == "caffe" or self.how(wanted) else ""

    def how(self, need: str) -> str:
        """How to have a series or a fact logged; "" where this framework has no way."""
        ways = {
            "grad_norm": self.gradients,
            "grad_norm/*": self.layer_gradients,
            "lr": self.rates,
            "param_norm": self.parameters,
            "fact:precision": self.precision,
            "fact:model.layer*": self.layers,
            "fact:seed": self.seed_line,
        }
        if need.startswith(_OF_CAFFE):
            return "keep the head of the log, where the solver and the net are printed"
        return ways.get(need, self.values)
