"""Kinds of healthy trainings: each function draws a task and a recipe for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from simulated.draws import RATES, Draw, Made, classifying, regressing, some_classes
from simulated.generative import Adversaries, Autoencoder, Variational, mixture
from simulated.interactive import Bootstrapped, Contrastive, GroupedPolicy, PolicyGradient, SelfDistilled
from simulated.sequences import Denoiser, Language, ReturnAsLoss, SeveralTasks
from simulated.supervised import CRITERIA, Data, Recurrent, Supervised, classes_of, targets_of
from simulated.task import mlp

__all__ = ["FAMILIES"]


def classification(draw: Draw) -> Made:
    return classifying(draw, *some_classes(draw)), draw.recipe()


def label_noise(draw: Draw) -> Made:
    return classifying(draw, *some_classes(draw, noise=draw.uniform(0.2, 0.6))), draw.recipe()


def overfitting(draw: Draw) -> Made:
    """Few samples, and a validation whose loss rises."""
    data = classes_of(4, 10, draw.randint(24, 60), 2.0, noise=0.3)
    task = Supervised(mlp(10, 64, 4), [data], CRITERIA["cross_entropy"][0], 16, validates=True)
    return task, replace(
        draw.recipe(draw.steps(200, 700)), optimiser="adam", rate=draw.decades(-2.5, -1.8), schedule="constant"
    )


def linear_regression(draw: Draw) -> Made:
    """The unit of the answers is as it comes: prices in cents, lengths in kilometres."""
    task = regressing(draw, targets_of(8, 400, draw.decades(-3, 4), 0.3), draw.choice(["mse", "mae"]), linear=True)
    return task, replace(draw.recipe(), optimiser=draw.choice(["sgd", "momentum"]), clip=None)


def regression(draw: Draw) -> Made:
    return regressing(
        draw, targets_of(6, 400, draw.decades(-1, 1)), draw.choice(["mse", "mae", "huber"])
    ), draw.recipe()


def summed_loss(draw: Draw) -> Made:
    task = regressing(draw, targets_of(6, 400, draw.decades(0, 3)), "mse_sum", batch=draw.choice([64, 256]))
    return task, replace(draw.recipe(), optimiser="adam", rate=draw.decades(-3, -1.7))


def tiny_loss(draw: Draw) -> Made:
    task = regressing(draw, targets_of(6, 400, draw.decades(-6, -3)), "mse", linear=True)
    return task, replace(draw.recipe(), optimiser="sgd", rate=draw.decades(-2, -1))


def small_weight(draw: Draw) -> Made:
    """A loss with a small factor, and a rate that makes up for it: rates of 100 are right here."""
    weight = draw.decades(-4, -1)
    task = classifying(draw, *some_classes(draw, noise=0.05), weight=weight)
    task.batch = draw.choice([1, 4, 16, 64])
    recipe = replace(draw.recipe(), optimiser="sgd", rate=draw.decades(-2.3, -1) / weight, clip=None, logs_rate=True)
    return task, recipe


def negative_likelihood(draw: Draw) -> Made:
    """A normal with a variance of its own: its loss goes on below zero as the answers become exact."""
    data = targets_of(4, 400, draw.decades(-3, 0), draw.decades(-3, -0.5))
    return regressing(draw, data, "nll"), replace(
        draw.recipe(), optimiser="adam", rate=draw.decades(-2.7, -2), clip=1.0
    )


def quantiles(draw: Draw) -> Made:
    return regressing(
        draw, targets_of(4, 400, draw.decades(-1, 2), 0.5, tail=draw.choice([0, 3])), "quantile"
    ), draw.recipe()


def hinge(draw: Draw) -> Made:
    """Classes with a margin between them: the loss reaches 0 in some batches, and in the end in all."""
    data = classes_of(draw.choice([2, 5]), 12, 400, draw.uniform(0.1, 0.8))
    task = Supervised(draw.classifier(data, 5), [data], CRITERIA["hinge"][0], draw.choice([1, 4, 16, 64]))
    return task, replace(draw.recipe(), optimiser=draw.choice(["sgd", "momentum", "adam"]))


def batch_of_one(draw: Draw) -> Made:
    """Losses of single samples with heavy-tailed errors scatter over decades."""
    if draw.random() < 0.5:
        task = classifying(draw, *some_classes(draw, noise=0.05))
        task.batch = 1
    else:
        task = regressing(draw, targets_of(4, 400, 1.0, 0.5, tail=draw.choice([0, 2.1, 3])), "mse", batch=1)
    recipe = draw.recipe()
    rate = recipe.rate if recipe.optimiser == "adadelta" else recipe.rate / 5
    return task, replace(recipe, rate=rate, averaged=False, clip=draw.choice([None, 1.0]))


def autoencoder(draw: Draw) -> Made:
    return Autoencoder(mixture(300, draw.choice([6, 12])), draw.choice([2, 4]), draw.batch()), draw.recipe()


def kl_annealing(draw: Draw) -> Made:
    recipe = replace(draw.recipe(draw.steps(100, 500)), optimiser="adam", rate=draw.decades(-3, -2))
    full, at = draw.decades(-1, 1), draw.uniform(0.2, 1.0) * recipe.steps
    cyclic = draw.random() < 0.3

    def weight(step: int) -> float:
        return full * min(1.0, (step % max(1.0, at) if cyclic else step) / at)

    x = mixture(300, draw.choice([6, 12]))
    return Variational(x, draw.choice([2, 4]), draw.batch(), weight, draw.random() < 0.5, draw.uniform(-4, 0)), recipe


def adversaries(draw: Draw) -> Made:
    recipe = replace(draw.recipe(draw.steps(100, 350)), optimiser="adam", rate=draw.decades(-3, -2), logs_norm=False)
    return Adversaries(mixture(200, 2), draw.choice([16, 64]), wasserstein=False), recipe


def wasserstein_adversaries(draw: Draw) -> Made:
    recipe = replace(
        draw.recipe(draw.steps(100, 350)), optimiser="rmsprop", rate=draw.decades(-3.3, -2.3), logs_norm=False
    )
    return Adversaries(mixture(200, 2), draw.choice([16, 64]), wasserstein=True), recipe


def policy_gradient(draw: Draw) -> Made:
    recipe = replace(draw.recipe(draw.steps(100, 500)), optimiser="adam", rate=draw.decades(-2.7, -1.7))
    return PolicyGradient(8, 4, draw.batch(), draw.decades(-1, 2), draw.random() < 0.6), recipe


def policy_near_a_reference(draw: Draw) -> Made:
    recipe = replace(draw.recipe(draw.steps(100, 400)), optimiser="adam", rate=draw.decades(-3, -2))
    return GroupedPolicy(8, 4, draw.choice([16, 64]), 1.0, False, draw.choice([0.001, 0.04, 0.2])), recipe


def own_teacher(draw: Draw) -> Made:
    recipe = replace(draw.recipe(draw.steps(100, 500)), optimiser=draw.choice(["adam", "momentum"]))
    recipe = replace(recipe, rate=draw.decades(*RATES[recipe.optimiser]))
    return SelfDistilled(some_classes(draw)[0], draw.choice([16, 64]), draw.choice([0.9, 0.99])), recipe


def sparse_reward(draw: Draw) -> Made:
    """There is nothing to learn until the first reward is found: the loss rises from about 0 then."""
    recipe = replace(
        draw.recipe(draw.steps(200, 600)), optimiser="adam", rate=draw.decades(-3, -2), schedule="constant"
    )
    found_at = int(recipe.steps * draw.uniform(0.2, 0.5))
    task = Bootstrapped(10, draw.choice([0.9, 0.97]), draw.decades(-1, 1), 32, draw.choice([10, 50]), found_at)
    return task, recipe


def bootstrapped_values(draw: Draw) -> Made:
    recipe = replace(
        draw.recipe(draw.steps(150, 600)), optimiser="adam", rate=draw.decades(-3, -2), schedule="constant"
    )
    return Bootstrapped(10, draw.choice([0.9, 0.97]), draw.decades(-1, 1), draw.batch(), draw.choice([10, 50])), recipe


def contrast_with_queue(draw: Draw) -> Made:
    queue = draw.choice([256, 1024, 4096])
    task = Contrastive(mixture(250, 12, 50), draw.choice([16, 64]), queue, draw.choice([0.07, 0.2]))
    return task, replace(draw.recipe(draw.steps(80, 300)), optimiser="adam", rate=draw.decades(-3, -2))


def plateau(draw: Draw) -> Made:
    """A parity that is found late, if at all: the loss stays at ln(2) and the accuracy at chance for long."""
    bits = draw.choice([2, 3, 4])
    x = torch.randint(2, (400, 10)) * 2.0 - 1
    classes = draw.choice([2, 8])
    y = (x[:, :bits].prod(1) > 0).long() if classes == 2 else ((x[:, :3] > 0).long() @ torch.tensor([1, 2, 4]))
    net = mlp(10, 32, classes, activation=nn.Tanh)
    with torch.no_grad():
        for weight in net.parameters():
            weight.mul_(draw.choice([0.01, 0.3, 1.0]))
    task = Supervised(net, [Data.split(x, y)], CRITERIA["cross_entropy"][0], draw.choice([16, 64, 400]))
    return task, replace(draw.recipe(draw.steps(100, 900)), optimiser=draw.choice(["sgd", "adam"]))


def high_rate(draw: Draw) -> Made:
    """As much as the curvature allows and more: the loss leaps up, or oscillates, and finds a flatter place."""
    data = targets_of(6, 300, 1.0, 0.05)
    task = regressing(draw, data, "mse", batch=draw.choice([32, 300]))
    recipe = replace(draw.recipe(), optimiser=draw.choice(["sgd", "momentum"]), clip=draw.choice([None, 1.0]))
    return task, replace(
        recipe, rate=draw.decades(-1, 0.3), schedule=draw.choice(["constant", "one_cycle", "triangles"])
    )


def bad_batches(draw: Draw) -> Made:
    """Now and then a batch is wrong by a factor; what it does to the weights mends within some steps."""
    data, classes = some_classes(draw)
    share, factor = draw.choice([0.003, 0.02]), draw.decades(0.5, 3)

    def bend(_step: int, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return (x * factor if draw.random() < share else x), y

    task = classifying(draw, data, classes, bend=bend)
    return task, replace(draw.recipe(), clip=draw.choice([None, 1.0, 1.0]), averaged=draw.random() < 0.3)


def tasks_in_turn(draw: Draw) -> Made:
    """Each task has labels of its own: at each change the loss leaps."""
    recipe = draw.recipe(draw.steps(150, 600))
    count = draw.choice([2, 3, 5])
    task, classes = classifying(draw, *some_classes(draw)), 0
    stages = [task.stages[0]]
    classes = int(stages[0].y.max()) + 1
    for _ in range(count - 1):
        order = torch.randperm(classes)
        stages.append(Data(stages[0].x, order[stages[0].y], stages[0].held_x, order[stages[0].held_y]))
    task.stages, task.stage_steps = stages, recipe.steps // count
    return task, replace(recipe, schedule="constant")


def curriculum(draw: Draw) -> Made:
    """Easy samples first: the loss rises as harder ones come in."""
    recipe = draw.recipe(draw.steps(150, 600))
    data = targets_of(6, 400, 1.0, draw.uniform(0.05, 0.5))
    easy = data.y[:, 0].abs().argsort()
    data = replace(data, x=data.x[easy], y=data.y[easy])
    task = regressing(draw, data, draw.choice(["mse", "mae", "huber"]))

    def bend(step: int, _x: Tensor, _y: Tensor) -> tuple[Tensor, Tensor]:
        reach = max(8, int(len(data.x) * min(1.0, (0.05 + 1.2 * step / recipe.steps))))
        rows = torch.randint(reach, (task.batch,))
        return data.x[rows], data.y[rows]

    task.bend = bend
    return task, recipe


def resumed(draw: Draw) -> Made:
    """The process died once or twice and went on from a checkpoint, in the same log."""
    recipe = draw.recipe(draw.steps(100, 500))
    first = draw.randint(recipe.steps // 4, recipe.steps // 2)
    second = draw.randint(2 * recipe.steps // 3, recipe.steps - 1)
    killed = ((first, draw.randint(0, first)), (second, draw.randint(first, second)))[: draw.choice([1, 2])]
    return classifying(draw, *some_classes(draw)), replace(recipe, killed=killed)


def few_points(draw: Draw) -> Made:
    """Five to twenty lines, one for each epoch."""
    lines = draw.randint(5, 20)
    steps = lines * draw.choice([1, 5, 20])
    if draw.random() < 0.5:
        task = classifying(draw, *some_classes(draw, noise=draw.choice([0.0, 0.3])), validates=draw.random() < 0.6)
    else:
        task = regressing(draw, targets_of(6, 400, draw.decades(-1, 2)), draw.choice(["mse", "mae"]))
        task.validates = draw.random() < 0.6
    return task, replace(draw.recipe(steps), every=steps // lines, averaged=draw.random() < 0.7)


def many_points(draw: Draw) -> Made:
    task = draw.choice([classifying(draw, *some_classes(draw)), regressing(draw, targets_of(6, 400, 1.0), "mse")])
    task.batch = draw.choice([1, 4, 16])
    recipe = draw.recipe(draw.steps(1500, 3000))
    return task, replace(recipe, every=1, rate=recipe.rate / 3, averaged=False, optimiser="sgd", clip=None)


def recurrence(draw: Draw) -> Made:
    """A series in time: the sign of its sum, or the sum itself; gradients are clipped."""
    x = torch.randn(200, draw.choice([6, 12]))
    recipe = replace(
        draw.recipe(draw.steps(50, 120)), optimiser="adam", rate=draw.decades(-3, -1.5), clip=1.0, logs_norm=True
    )
    if draw.random() < 0.5:
        data = Data.split(x, (x.sum(1) > 0).long())
        return Supervised(Recurrent(12, 2), [data], CRITERIA["cross_entropy"][0], 16), recipe
    return Supervised(Recurrent(12, 1), [Data.split(x, x.sum(1, keepdim=True))], CRITERIA["mse"][0], 16), recipe


def denoising(draw: Draw) -> Made:
    """The noise level of each sample makes the loss scatter; in small units it is printed as 0.0000."""
    recipe = replace(draw.recipe(draw.steps(100, 500)), optimiser="adam", rate=draw.decades(-3.3, -2))
    return Denoiser(mixture(300, draw.choice([2, 6])), draw.choice([4, 16, 64]), draw.decades(-3, 0)), recipe


def language(draw: Draw) -> Made:
    """Its perplexity begins in the thousands, or infinite; smoothed labels leave a floor under the loss."""
    recipe = replace(draw.recipe(draw.steps(100, 500)), optimiser="adam", rate=draw.decades(-3, -1.3))
    smoothing = draw.choice([0.0, 0.1, 0.3])
    return Language(draw.choice([5, 27, 80]), draw.choice([16, 64]), draw.choice([1.0, 1.0, 8.0]), smoothing), recipe


def several_tasks(draw: Draw) -> Made:
    count, width = draw.choice([2, 4]), 6
    x = torch.randn(300, width)
    units = torch.tensor([draw.decades(-4, 4) for _ in range(count)])
    with torch.no_grad():
        y = mlp(width, 16, count, activation=nn.Tanh)(x) * 3
    recipe = replace(draw.recipe(), optimiser="adam", rate=draw.decades(-3, -1.7))
    return SeveralTasks(x, y, units, draw.choice([4, 16, 64])), recipe


def return_as_loss(draw: Draw) -> Made:
    recipe = replace(draw.recipe(draw.steps(100, 400)), optimiser="adam", rate=draw.decades(-3, -1.7))
    return ReturnAsLoss(draw.choice([3, 8]), draw.decades(-1, 4), draw.choice([1, 4, 64])), recipe


FAMILIES: Mapping[str, Callable[[Draw], Made]] = {
    made.__name__: made
    for made in (
        classification,
        label_noise,
        overfitting,
        linear_regression,
        regression,
        summed_loss,
        tiny_loss,
        small_weight,
        negative_likelihood,
        quantiles,
        hinge,
        batch_of_one,
        autoencoder,
        kl_annealing,
        adversaries,
        wasserstein_adversaries,
        policy_gradient,
        policy_near_a_reference,
        own_teacher,
        sparse_reward,
        bootstrapped_values,
        contrast_with_queue,
        plateau,
        high_rate,
        bad_batches,
        tasks_in_turn,
        curriculum,
        resumed,
        few_points,
        many_points,
        recurrence,
        denoising,
        language,
        several_tasks,
        return_as_loss,
    )
}
