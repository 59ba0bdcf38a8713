"""What programs say in words: a NaN was seen, a step was skipped, a checkpoint was written, the training died."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nanlog.model import Mark, MarkKind, Phase
from nanlog_parsers._numbers import number

__all__ = ["Said", "Traceback", "is_message", "names_non_finite", "said"]

#: A line is looked at only so far.
_LONGEST = 2000

_NONE = r"(?:nans?|infs?|inf(?:inite|inity)|non-?finite|not (?:finite|a number))"
_WHAT = (
    r"(?:loss(?:es)?|objective|cost|grad(?:ient)?s?(?:[ _]norms?)?|norms?|outputs?|inputs?|activations?|weights?"
    r"|param(?:eter)?s?|logits?|tensors?|values?|elbo|batch)"
)
_SKIPPED = re.compile(
    r"gradient overflow|overflow detected|\bOVERFLOW!|ignoring gradient|decreased lg_loss_scale"
    r"|skipp(?:ing|ed) (?:this |the |optimizer |a )?(?:step|update)\b.{0,80}\b(?:scal|overflow|inf)",
    re.IGNORECASE,
)
_SCALE = re.compile(
    r"(?:reducing|setting|decreas|lower|halv|scale)[^\n]{0,60}?\bto:? *([0-9][0-9.e+-]{0,20})", re.IGNORECASE
)
_NON_FINITE = re.compile(
    rf"\b{_WHAT}\b[^\n]{{0,40}}\b(?:is|are|was|were|be(?:come|came|comes|coming)|got|went|turned|contains?|has|have|with)"
    rf"\b[^\n]{{0,12}}\b{_NONE}\b"
    rf"|\b(?:found|detected|encountered|got|hit|returned|produced|caught|skipping|contain(?:s|ing)?)\b[^\n]{{0,30}}\b{_NONE}\b"
    rf"|\b{_NONE}(?: ?/ ?{_NONE}| or {_NONE})?[^\n]{{0,40}}\b(?:found|detected|encountered|occurred|appeared)\b"
    rf"|(?<![=:])(?<![=:] )(?<![=:] -)\b{_NONE} (?:in )?{_WHAT}\b"
    r"|returned nan values|\binvalid loss\b|\b(?:loss|model|training) (?:has )?(?:diverged|exploded)"
    r"|\bdiverged with loss\b|\bis not finite\b",
    re.IGNORECASE,
)
_NOT_SAID = re.compile(
    r"\b(?:no|without|zero|if|unless|whether|never|check(?:s|ing)?|guard|will|would|may|might|can|enabled?|disabled?"
    r"|ignor(?:e|es|ing)|replac(?:e|es|ing)|handling|nan_to_num|best|improved|did not improve)\b",
    re.IGNORECASE,
)
_SUFFIX = (
    r"\.(?:pth?|ckpt|h5|hdf5|npz|npy|bin|safetensors|pkl|tar|msgpack|params|weights|model|pdparams|caffemodel|keras|onnx"
    r"|t7|joblib)"
)
_PATH = rf"['\"`<]?(?P<path>[\w~./\\:@%+=-]{{0,300}}[\w/\\]{_SUFFIX}(?:\.tar|\.gz|-\d{{1,12}})?)"
_FILE = re.compile(_PATH, re.IGNORECASE)
_PLACE = re.compile(
    r"(?:\bto|\bin|\bas|\bat|\bfrom|:|=)\s{1,3}['\"`]?(?P<path>[\w~.\\:@%+=-]{0,200}[/\\][\w~./\\:@%+=-]{1,300})"
)
_QUOTED = re.compile(r"['\"`](?P<path>[^'\"`\s]{1,300})['\"`]")
_SAVED = re.compile(
    r"\b(?:sav(?:ed?|ing)|writ(?:ing|ten)|wrote|stor(?:ed|ing)|dump(?:ed|ing)|snapshot(?:ting)?)\b"
    r"[^\n]{0,80}\b(?:checkpoints?|ckpt|models?|weights|snapshot|states?|parameters|network)\b"
    rf"|\bcheckpoint (?:was )?saved\b|\b(?:sav(?:ed|ing)|wrote)\b[^\n]{{0,40}}[\w/\\]{_SUFFIX}\b",
    re.IGNORECASE,
)
_LOADED = re.compile(
    r"\b(?:resum(?:e|ed|ing)|restor(?:e|ed|ing)|continu(?:e|ed|ing))\b[^\n]{0,60}"
    r"\b(?:checkpoints?|ckpt|snapshot|model|weights|state|training|from)\b"
    r"|\bload(?:ed|ing)?\b[^\n]{0,60}\b(?:checkpoints?|ckpt|snapshot|model|weights|state(?:[ _]dict)?)\b",
    re.IGNORECASE,
)
_ONLY_WEIGHTS = re.compile(
    r"pre-?trained|fine-?tun|backbone|imagenet weights|init(?:ial)? (?:weights|checkpoint)", re.IGNORECASE
)
_NOT_LOADED = re.compile(
    r"\bno checkpoint|not found|\bfailed\b|from scratch"
    r"|load(?:ed|ing)? (?:data|dataset|images|vocab|tokeni|config|dict)"
    r"|\bload(?:ed|ing)?\b[^\n]{0,20}\bfrom (?:disk|cache|file list)|(?:data|images|samples|examples|sentences) from",
    re.IGNORECASE,
)
_STEP = re.compile(r"\b(?:global[_ ])?(?:step|iter(?:ation)?|update)s?[ _=:#-]{0,3}(\d{1,15})\b", re.IGNORECASE)
_EPOCH = re.compile(r"\bepoch[ _=:#-]{0,3}(\d{1,9})\b", re.IGNORECASE)
_FATAL = re.compile(
    r"device-side assert|\bAssertion `[^\n]{1,300}['`] failed|^(?:\S{0,200} )?Killed$|\bSegmentation fault"
    r"|core dumped\b|terminate called after|Fatal Python error|oom-kill|\bOut of memory: Kill|slurmstepd: error"
    r"|CANCELLED AT|\bF\d{4} \d\d:\d\d:\d\d\.\d{6} .{0,200}Check failed",
)
_EXCEPTION = re.compile(
    r"^(?:\[[\w:. -]{1,40}\]:? ?)?(?P<what>(?:[A-Za-z_][\w]{0,80}\.){0,8}[A-Za-z_]\w{0,80}"
    r"(?:Error|Exception|Interrupt|Exit|Failure|Iteration)(?::[^\n]{0,1000})?)$"
)
_BY_HAND = re.compile(r"KeyboardInterrupt|interrupted by (?:the )?user|ctrl-?c|received SIG(?:INT|TERM)", re.IGNORECASE)
_END = re.compile(
    r"\b(?:training|train)\b[^\n]{0,20}\b(?:finished|completed?|done|ended)\b"
    r"|\b(?:finished|completed?|end of) training\b"
    r"|\btraining (?:took|time)\b|\bearly stopping(?: triggered| at\b|!|\.|$)|\bstopping early\b|\bearly stopped\b",
    re.IGNORECASE,
)
_FIRST_WORDS = re.compile(
    r"overflow|skipp|nan|inf\b|infinit|finite|invalid|diverged|explod|sav(?:e|ing)|writ|wrote|stor|dump|snapshot"
    r"|checkpoint|resum|load|contin|assert|kill|fault|core dump|terminate|fatal|memory|slurm|cancelled|check failed"
    r"|error|exception|interrupt|exit|train|early|stopping|lg_loss",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Said:
    """A message; ``step`` and ``epoch`` are those it names itself."""

    kind: MarkKind
    text: str = ""
    value: float | None = None
    phase: Phase | None = None
    step: int | None = None
    epoch: int | None = None

    def mark(self, file: str, line: int, step: int | None) -> Mark:
        return Mark(self.kind, file, line, step, self.text, phase=self.phase, value=self.value)


def is_message(line: str) -> bool:
    """Whether a line may be a message: a quick look."""
    return _FIRST_WORDS.search(line, 0, _LONGEST) is not None


def said(line: str) -> Said | None:
    """What a line says in words, None where that is nothing of interest."""
    line = line[:_LONGEST].strip()
    if _SKIPPED.search(line) is not None:
        scale = _SCALE.search(line)
        value = number(scale[1].rstrip(".")) if scale is not None else None
        return Said(MarkKind.SKIPPED_STEP, line, value, step=_int(_STEP.search(line)))
    if _FATAL.search(line) is not None and "Error:" not in line:
        return Said(MarkKind.FATAL, line)
    exception = _EXCEPTION.match(line)
    if exception is not None and ":" in exception["what"]:
        return _exception(exception["what"])
    if _is_non_finite(line):
        return Said(MarkKind.NONFINITE, line, step=_int(_STEP.search(line)), epoch=_int(_EPOCH.search(line)))
    if _BY_HAND.search(line) is not None:
        return Said(MarkKind.STOPPED_EARLY, line)
    return _about_files(line) or (Said(MarkKind.END, line) if _END.search(line) is not None else None)


def names_non_finite(exception: str) -> bool:
    """Whether an exception was raised because something is not finite."""
    return re.search(rf"\b{_NONE}\b|^\S*Nan", exception) is not None or _NON_FINITE.search(exception) is not None


def _is_non_finite(line: str) -> bool:
    found = _NON_FINITE.search(line)
    if found is None:
        return False
    if _NOT_SAID.search(line, 0, found.end()) is not None:
        return False
    return "=" not in found[0] or "diverged" in found[0].lower()


def _exception(text: str) -> Said:
    phase = Phase.BACKWARD if "returned nan values" in text or "Backward" in text else None
    if "KeyboardInterrupt" in text or text.startswith(("SystemExit", "StopIteration")):
        return Said(MarkKind.STOPPED_EARLY, text)
    return Said(MarkKind.EXCEPTION, text, phase=phase, step=_int(_STEP.search(text)))


def _about_files(line: str) -> Said | None:
    if _SAVED.search(line) is not None and "not sav" not in line.lower():
        return Said(MarkKind.CHECKPOINT, _path(line), step=_int(_STEP.search(line)), epoch=_int(_EPOCH.search(line)))
    if _LOADED.search(line) is not None and _NOT_LOADED.search(line) is None:
        path = _path(line)
        if _ONLY_WEIGHTS.search(line) is not None:
            return Said(MarkKind.FINETUNE, path)
        if path or re.search(r"\b(?:resum|restor)", line, re.IGNORECASE):
            return Said(MarkKind.RESUME, path, step=_int(_STEP.search(line)), epoch=_int(_EPOCH.search(line)))
    return None


def _path(line: str) -> str:
    found = _FILE.search(line) or _QUOTED.search(line) or _PLACE.search(line)
    return found["path"].rstrip(".,:") if found is not None else ""


def _int(found: re.Match[str] | None) -> int | None:
    return int(found[1]) if found is not None else None


class Traceback:
    """Follows a Python traceback from its first line to the exception at its end."""

    FIRST = b"Traceback (most recent call last)"
    _PREFIX = re.compile(r"^(?:\[?(?:rank|default|\d)[\w:]{0,20}\]?:? ?|[\w/. -]{0,60}\| ?)", re.ASCII)
    _LONGEST = 3000

    def __init__(self) -> None:
        self._lines = 0

    @property
    def is_open(self) -> bool:
        return self._lines > 0

    def read(self, line: str) -> tuple[bool, Said | None]:
        """Whether a row is part of a traceback, and the exception when it is its last line."""
        if "Traceback (most recent call last)" in line:
            self._lines = 1
            return True, None
        if not self._lines:
            return False, None
        self._lines += 1
        bare = line if line.startswith(" ") else self._PREFIX.sub("", line, count=1)
        if self._lines > self._LONGEST:
            self._lines = 0
            return False, None
        found = _EXCEPTION.match(bare.strip()) if not bare.startswith(" ") else None
        if found is not None:
            self._lines = 0
            return True, _exception(found["what"])
        if not bare or bare.startswith((" ", "\t", "During handling", "The above exception")):
            return True, None
        self._lines = 0
        other = re.match(r"^(?:[A-Za-z_]\w{0,80}\.){0,8}[A-Z]\w{0,80}(?::[^\n]{0,1000})?$", bare.strip())
        return (True, _exception(other[0])) if other is not None else (False, None)
