"""What callbacks, the backend and Python print between the bars."""

from __future__ import annotations

import pytest

from keras_logs import coloured, drawn, line, read, values
from nanlog.model import MarkKind

N = 20


def epoch(number: int, *before: str, after: str = "") -> str:
    """Epoch ``number`` as Keras 3 prints it, with messages ahead of its header and ahead of its last state."""
    said = "".join(f"\n{text}\n" for text in before)
    states = line([coloured(1, N, loss=1.0), coloured(12, N, loss=1.0)]).rstrip("\n")
    last = line([coloured(N, N, loss=1.0)])
    middle = f"\n{after}\n" if after else ""
    return f"{said}Epoch {number}/9\n{states}{middle}{last}"


def rate(number: int, value: str) -> str:
    return f"Epoch {number}: LearningRateScheduler setting learning rate to {value}."


def test_the_rate_of_an_epoch_is_set_before_its_header() -> None:
    found = read(epoch(1, rate(1, "0.1")) + epoch(2, rate(2, "nan")))
    assert [(step, repr(value)) for step, value, _ in found.table["lr"]] == [(1, "0.1"), (N + 1, "nan")]
    assert [(mark.kind, mark.step, mark.line) for mark in found.marks] == [(MarkKind.START, 1, 2)]


@pytest.mark.parametrize("word", ["setting", "reducing"])
def test_the_rate_of_an_epoch_is_set_behind_its_header(word: str) -> None:
    """Keras 2.0 to 2.3."""
    said = f"\nEpoch 0000{{}}: LearningRateScheduler {word} learning rate to {{}}.\n"
    bars = line([drawn(1, N, loss=1.0)]) + line([drawn(N, N, eta=False, loss=1.0)])
    text = "".join(f"Epoch {e}/3\n{said.format(e, 0.5**e)}{bars}" for e in (1, 2, 3))
    assert [(step, value) for step, value, _ in read(text).table["lr"]] == [(1, 0.5), (N + 1, 0.25), (2 * N + 1, 0.125)]


@pytest.mark.parametrize(
    "text",
    ["Epoch 2: ReduceLROnPlateau reducing learning rate to 4e-05.", "Epoch 00002: reducing learning rate to 4e-05."],
)
def test_a_reduced_rate_counts_from_the_next_epoch(text: str) -> None:
    found = read(epoch(1) + epoch(2, after=text) + epoch(3))
    assert found.table["lr"] == [(2 * N + 1, 4e-05, text_line(found, "lr"))]


def text_line(found: object, name: str) -> int:
    return int(found.table[name][0][2])  # type: ignore[attr-defined]


def test_the_rate_shown_at_the_end_of_an_epoch_is_the_same_series() -> None:
    last = f"20/20 - 1s - 9ms/step - loss: 1.0000 - learning_rate: {1e-4:.4e}\n"
    found = read(f"\n{rate(1, '0.0001')}\nEpoch 1/2\n{last}")
    assert found.steps("lr") == [1, 20]
    assert set(found.table) == {"loss", "lr"}


def test_invalid_loss() -> None:
    text = epoch(1) + f"Epoch 2/9\n{coloured(1, N, loss=1.0)}Batch 6: Invalid loss, terminating training\n"
    found = read(text + line([coloured(N, N, loss=float("inf"))]))
    assert found.marked(MarkKind.NONFINITE) == [(N + 7, "Batch 6: Invalid loss, terminating training")]
    assert [(step, value) for step, value, _ in found.table["loss"]][-2:] == [
        (N + 7, float("inf")),
        (2 * N, float("inf")),
    ]


def test_invalid_loss_raised() -> None:
    text = (
        epoch(1)
        + f"Epoch 2/9\n{coloured(1, N, loss=1.0)}\n"
        + (
            "Traceback (most recent call last):\n"
            '  File "train.py", line 3, in <module>\n'
            "    model.fit(x, y)\n"
            "RuntimeError: NaN or Inf loss encountered at batch 4. Loss value: nan. Terminating training immediately.\n"
        )
    )
    found = read(text)
    assert [step for step, _ in found.marked(MarkKind.NONFINITE)] == [N + 5]
    assert [said[:20] for _, said in found.marked(MarkKind.EXCEPTION)] == ["RuntimeError: NaN or"]


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("Epoch 2: val_loss improved from inf to 1.31343, saving model to best.keras", "best.keras"),
        ("Epoch 2: val_loss improved from None to 1.31343, saving model to out/best 1.keras", "out/best 1.keras"),
        ("Epoch 00002: val_acc improved from -inf to 0.31, saving model to weights.{2}.hdf5", "weights.{2}.hdf5"),
        ("Epoch 2: saving model to ck.weights.h5", "ck.weights.h5"),
    ],
)
def test_a_checkpoint_at_the_end_of_an_epoch(said: str, path: str) -> None:
    found = read(epoch(1) + epoch(2, after=said) + epoch(3))
    assert found.marked(MarkKind.CHECKPOINT) == [(2 * N, path)]
    assert found.marked(MarkKind.NONFINITE) == []
    assert all(value == 1.0 for value in found.values("loss"))


def test_a_checkpoint_behind_the_last_state() -> None:
    """Keras 2.0 to 2.3."""
    text = epoch(1) + "\nEpoch 00001: saving model to a.h5\n" + epoch(2)
    assert read(text).marked(MarkKind.CHECKPOINT) == [(N, "a.h5")]


def test_a_checkpoint_within_an_epoch_holds_at_most_the_next_state() -> None:
    bar = line([coloured(1, N, loss=1.0), coloured(7, N, loss=1.0)]).rstrip("\n")
    rest = line([coloured(11, N, loss=1.0), coloured(N, N, loss=1.0)])
    text = epoch(1) + f"Epoch 2/9\n{bar}\nEpoch 2: saving model to b.keras\n{rest}"
    assert read(text).marked(MarkKind.CHECKPOINT) == [(N + 11, "b.keras")]


def test_a_checkpoint_is_told_once() -> None:
    begun = "Epoch 1: val_loss improved from None to 1.4, saving model to a.keras"
    done = "Epoch 1: finished saving model to a.keras"
    assert len(read(epoch(1, after=f"{begun}\n\n{done}")).marked(MarkKind.CHECKPOINT)) == 1


def test_a_checkpoint_that_was_not_written() -> None:
    assert read(epoch(1, after="Epoch 1: val_loss did not improve from 1.47179")).marked(MarkKind.CHECKPOINT) == []


def test_a_silent_training_is_dated_by_epochs() -> None:
    text = "".join(f"\nEpoch 0000{e}: val_loss improved from inf to 0.{e}, saving model to a.h5\n" for e in (1, 2))
    assert read(text).marked(MarkKind.CHECKPOINT) == [(1, "a.h5"), (2, "a.h5")]


def test_the_end() -> None:
    stopped = "Epoch 2: early stopping\nRestoring model weights from the end of the best epoch: 1.\n"
    found = read(epoch(1) + epoch(2) + stopped)
    assert found.marked(MarkKind.END) == [(2 * N, "Epoch 2: early stopping")]
    assert found.marked(MarkKind.RESUME) == []


@pytest.mark.parametrize("glued", [True, False])
def test_a_traceback(glued: bool) -> None:
    text = (
        f"Epoch 1/9\n{coloured(3, N, loss=1.0)}{'' if glued else chr(10)}Traceback (most recent call last):\n"
        '  File "train.py", line 3, in <module>\n    raise KeyError("x")\n'
        "KeyError: 'x'\n\nDuring handling of the above exception, another exception occurred:\n\n"
        "Traceback (most recent call last):\n"
        '  File "train.py", line 5, in <module>\n'
        "tensorflow.python.framework.errors_impl.InvalidArgumentError: Graph execution error:\n"
    )
    found = read(text)
    assert [said for _, said in found.marked(MarkKind.EXCEPTION)] == [
        "KeyError: 'x'",
        "tensorflow.python.framework.errors_impl.InvalidArgumentError: Graph execution error:",
    ]
    assert found.values("loss") == [1.0]


def test_an_interruption() -> None:
    text = epoch(1) + 'Traceback (most recent call last):\n  File "train.py", line 3\nKeyboardInterrupt\n'
    assert read(text).marked(MarkKind.STOPPED_EARLY) == [(N, "KeyboardInterrupt")]


@pytest.mark.parametrize(
    "said",
    [
        '!!! Detected Infinity or NaN in output 0 of graph op "Log" (# of outputs: 1) (Inferred shape: (32, 10))',
        "Check numerics : Tensor had NaN values",
    ],
)
def test_a_check_of_the_backend(said: str) -> None:
    assert read(epoch(1) + said + "\n").marked(MarkKind.NONFINITE) == [(None, said)]


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("Restoring weights from ck.weights.h5", "ck.weights.h5"),
        ("Loaded model from 'runs/3/last.keras'.", "runs/3/last.keras"),
        ("resuming training from checkpoint: /data/ck-12", None),
        ("Loading data from disk", None),
        ("Restoring model weights from the end of the best epoch.", None),
    ],
)
def test_weights_from_a_file(said: str, path: str | None) -> None:
    found = read(f"{said}\n{epoch(3)}").marked(MarkKind.RESUME)
    assert found == ([(None, path)] if path else [])


@pytest.mark.parametrize(
    ("said", "key", "value"),
    [
        ("Using TensorFlow backend.", "backend", "TensorFlow"),
        ("keras version: 2.2.4", "framework_version", "2.2.4"),
        ("Train for 1875 steps, validate for 313 steps", "steps_per_epoch", 1875),
        ("Mixed precision compatibility check (mixed_float16): OK", "precision", "mixed_float16"),
    ],
)
def test_facts(said: str, key: str, value: object) -> None:
    assert (key, value) in [(fact.key, fact.value) for fact in read(f"{said}\n{epoch(1)}").all_facts]


def test_custom_names_and_several_outputs() -> None:
    shown = values(
        **{"loss": 3.0, "class_output_loss": 1.0, "box_output_loss": 2.0, "class_output_AUC": 0.5, "my f1": 0.1}
    )
    found = read(f"Epoch 1/2\n20/20 [{'=' * 30}] - 1s 7ms/step{shown}\n")
    assert found.values("loss") == [3.0]
    assert {name: info.original for name, info in found.infos.items() if name.startswith("loss/")} == {
        "loss/class_output": "class_output_loss",
        "loss/box_output": "box_output_loss",
    }
    assert found.values("metric/my f1") == [0.1]


def test_a_loss_by_another_name() -> None:
    shown = values(kl_loss=0.5, reconstruction_loss=2.0, total_loss=2.5)
    found = read(f"Epoch 1/2\n20/20 [{'=' * 30}] - 1s 7ms/step{shown}\n")
    assert found.infos["loss"].original == "total_loss"


def test_what_cannot_be_read_is_said() -> None:
    (unread,) = read(f"Epoch 1/2\n{drawn(3, N)} - loss: what\n").unread
    assert (unread.line, unread.why) == (2, "no number can be read where a value is shown")
