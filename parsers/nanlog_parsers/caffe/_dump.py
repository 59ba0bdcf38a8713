"""A solver or net definition -> facts, one for each scalar, under the same keys for every version of Caffe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from nanlog.model import Fact

from ._prototxt import Message

__all__ = ["facts"]

#: Fields that get an index even where they occur once; others (``kernel_size``) are repeated in some versions only.
_REPEATED = frozenset({"layer", "bottom", "top", "param", "stepvalue", "test_iter"})

#: The layer types of ``layers { type: CONVOLUTION }``, as printed until 2014-12, under their later names.
_MODERN_TYPES = {
    "ABSVAL": "AbsVal",
    "ACCURACY": "Accuracy",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "CONVOLUTION": "Convolution",
    "DATA": "Data",
    "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout",
    "DUMMY_DATA": "DummyData",
    "ELTWISE": "Eltwise",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "EXP": "Exp",
    "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "HINGE_LOSS": "HingeLoss",
    "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData",
    "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "MVN": "MVN",
    "POOLING": "Pooling",
    "POWER": "Power",
    "RELU": "ReLU",
    "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SILENCE": "Silence",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "SPLIT": "Split",
    "TANH": "TanH",
    "THRESHOLD": "Threshold",
    "WINDOW_DATA": "WindowData",
}


def facts(message: Message, prefix: str, file: str) -> Iterator[Fact]:
    """Flatten ``message``: ``prefix.layer[3].pooling_param.stride``; ``layers`` is called ``layer``."""
    names = [_modern(field.name) for field in message.fields]
    how_many = Counter(names)
    seen: Counter[str] = Counter()
    for name, field in zip(names, message.fields, strict=True):
        key = f"{prefix}.{name}"
        if how_many[name] > 1 or name in _REPEATED:
            key += f"[{seen[name]}]"
            seen[name] += 1
        if not isinstance(field.value, Message):
            yield Fact(key, field.value, file, field.line)
        elif field.name == "layers":
            yield from _old_layer(field.value, key, file)
        else:
            yield from facts(field.value, key, file)


def _old_layer(layer: Message, key: str, file: str) -> Iterator[Fact]:
    for fact in facts(layer, key, file):
        modern = _MODERN_TYPES.get(str(fact.value)) if fact.key == f"{key}.type" else None
        if modern is None:
            yield fact
            continue
        yield Fact(fact.key, modern, file, fact.line)
        if modern != fact.value:
            yield Fact(f"{fact.key}_original", fact.value, file, fact.line)


def _modern(name: str) -> str:
    return "layer" if name == "layers" else name
