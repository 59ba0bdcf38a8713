"""Statistics of single layers in the words of today's trainings: which picture shows them."""

from __future__ import annotations

import numpy as np
import pytest

import nanlog.plot as plot
from nanlog.errors import NotLoggedError
from nanlog.plot._ratio import ratios
from runs import make_run

NAN = float("nan")


def of_layers(*kinds: str, layers: int = 8) -> dict[str, list[float]]:
    return {f"{kind}/layers.{k}": [1.0 + k, 2.0, 3.0] for kind in kinds for k in range(layers)}


def titles(figure: object) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "picture", "title"),
    [
        ("grad_norm", plot.grad_norms, "gradient norm of each parameter"),
        ("grad_max", plot.grad_norms, "gradients of each layer, maximum"),
        ("param_norm", plot.params, "norm of each parameter"),
        ("param_std", plot.params, "parameters of each layer, standard deviation"),
        ("activation_mean", plot.activations, "activations of each layer, mean"),
        ("activation_value", plot.activations, "activations of each layer, as logged"),
        ("update_ratio", plot.ratio, "update / parameter, as logged"),
    ],
)
def test_each_quantity_has_its_picture(kind: str, picture: object, title: str) -> None:
    run = make_run({"loss": [1.0, 1.0, 1.0], **of_layers(kind)})
    assert titles(picture(run)) == [title]  # type: ignore[operator]


def test_the_norm_of_all_parameters_is_not_that_of_a_layer() -> None:
    run = make_run({"param_norm": [1.0, 2.0, 3.0], **of_layers("param_norm")})
    assert titles(plot.params(run)) == ["norm of the parameters", "norm of each parameter"]


def test_the_most_telling_statistics_are_drawn() -> None:
    run = make_run(of_layers(*(f"activation_{what}" for what in ("min", "var", "std", "mean", "max"))))
    assert [title.rpartition(", ")[2] for title in titles(plot.activations(run))] == [
        "maximum",
        "mean",
        "standard deviation",
    ]


def test_an_update_is_divided_by_the_parameter_of_its_name() -> None:
    run = make_run({"update_norm/a": [1.0, 2.0], "param_norm/a": [10.0, 10.0], "update_norm/b": [1.0, 1.0]})
    what, (found,) = ratios(run)
    assert (what, found.name, found.value.tolist()) == ("update / parameter", "ratio/a", [0.1, 0.2])


def test_without_updates_it_is_rate_times_gradient() -> None:
    run = make_run({"grad_norm/a": [1.0, 2.0], "param_norm/a": [10.0, 10.0], "lr": [0.5, 0.5], "grad_norm": [1, 1]})
    what, (found,) = ratios(run)
    assert "the log has no updates" in what
    assert found.value == pytest.approx([0.05, 0.1])


def test_a_logarithm_of_a_ratio_is_no_ratio() -> None:
    with pytest.raises(NotLoggedError):
        plot.ratio(make_run({"update_ratio/a": [-3.0, -2.9], "update_ratio/b": [-3.0, NAN]}))


def test_an_overview_of_many_layers_is_not_tall() -> None:
    few, many = (plot.overview(make_run({"loss": [1.0, 2.0], **of_layers("grad_norm", layers=n)})) for n in (20, 900))
    assert many.get_figheight() == pytest.approx(few.get_figheight())
    whole = plot.grad_norms(make_run(of_layers("grad_norm", layers=900)))
    assert whole.get_figheight() > many.get_figheight()


def test_none_of_many_layers_is_lost_in_an_overview() -> None:
    values = {f"grad_norm/layers.{k}": [1.0, NAN if k == 411 else 1.0] for k in range(900)}
    figure = plot.overview(make_run({"loss": [1.0, 2.0], **values}))
    mesh = next(one for axes in figure.axes for one in axes.collections if one.get_gid() == "cells")
    colours = np.unique(np.asarray(mesh.get_array()).reshape(-1, 4), axis=0)
    assert len(colours) == 2
