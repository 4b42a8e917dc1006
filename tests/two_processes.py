"""What training in two processes gives; a script of test_distributed.py, in a folder of its own.

    python two_processes.py CASE...

`compare` writes compare.json; the other cases fail, each in its way.
"""

import itertools
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

import small_runs
from siamese import checkpoint, machine
from siamese.errors import InputError, run
from siamese.networks import fourier, model_file, scoring
from siamese.networks.contract import Network
from siamese.parameters import Parameters
from siamese.training import distributed, loop, objectives
from siamese.training.augmentation import AUGMENTATIONS
from siamese.training.objectives import Objective, PairObjective
from siamese.training.run import Run
from small_runs import PEOPLE, TRAINING, VALIDATION, faces, settings, settings_of_streams

# Of each objective: even batches, odd ones, and one with nothing for the first process.
BATCHES = {
    "pairs": [torch.arange(6), torch.tensor([0, 3, 5]), torch.tensor([4])],
    "contrastive": [torch.arange(12), torch.tensor([9, 0, 1, 2, 4, 5, 8])],
}


def parameters_of(objective: str) -> Parameters:
    """Return parameters with which a run stops early."""
    if objective == "pairs":
        return settings(max_epochs=9, patience=1)
    streams = {"residual": (1.0, 0.7)}
    return settings_of_streams(streams, max_epochs=9, patience=1, batch_size=3)


def start(objective: str) -> tuple[Network, Objective]:
    """Return a new network and what it is trained for, with varied images."""
    torch.manual_seed(0)
    if objective == "pairs":
        augment = AUGMENTATIONS["koch"]
        return small_runs.small_koch(), PairObjective(faces(), TRAINING, 4, augment)
    recipe = parameters_of(objective).recipe_settings
    return model_file.make(recipe), objectives.make(recipe, faces(32), PEOPLE)


class Step:
    """The first step of a training: its loss, gradients and buffers."""

    def __init__(self, objective: str, batch: Tensor) -> None:
        network, made = start(objective)
        distributed.synchronise(network)
        module = distributed.wrap(made.module(network))
        network.train()
        torch.manual_seed(1)
        self.result = made.loss(module, batch)
        self.result.loss.backward()
        gradients = {name: each.grad for name, each in network.named_parameters()}
        self.gradients = {name: each for name, each in gradients.items() if each is not None}
        self.buffers = dict(network.named_buffers())

    def compare(self, other: "Step") -> dict[str, Any]:
        """Return how far the other step is from this one."""
        return {
            "loss": abs(self.result.loss.item() - other.result.loss.item()),
            "counts": self.result[1:] == other.result[1:],
            "gradients": furthest(self.gradients, other.gradients),
            "buffers": furthest(self.buffers, other.buffers),
        }


def furthest(first: dict[str, Tensor], second: dict[str, Tensor]) -> float:
    """Return the largest difference of tensors of the same names."""
    assert first.keys() == second.keys()
    return max(float((first[name] - second[name]).abs().max()) for name in first)


def train(objective: str) -> Run:
    """Return a run in float64, in which the order of sums does not grow to a difference."""
    as_float32 = scoring.to_input

    def as_float64(images: Tensor) -> Tensor:
        return as_float32(images).double()

    torch.set_default_dtype(torch.float64)
    with (
        mock.patch.object(scoring, "to_input", as_float64),
        mock.patch.object(fourier.FourierConv2d, "forward", nn.Conv2d.forward),
    ):
        network, made = start(objective)
        distributed.synchronise(network)
        trained = small_runs.finish(Run(network.double(), made, parameters_of(objective)))
    torch.set_default_dtype(torch.float32)
    return trained


def fit(epochs: int | None = None, **changes: Any) -> Run:
    """Return what `loop.fit` gives of people's names, left after some epochs if so told."""
    whole = loop.train

    def left(*arguments: Any) -> Iterator[Any]:
        return itertools.islice(whole(*arguments), epochs)

    with mock.patch.object(loop, "train", left):
        params = settings_of_streams(**changes)
        return loop.fit(params, faces(32), PEOPLE, VALIDATION, [], Path("training.csv"))[0]


def compare() -> None:
    """Write how two processes differ from one."""
    found: dict[str, Any] = {}
    steps, runs = {}, {}
    if os.environ["RANK"] == "0":  # alone
        steps = {name: [Step(name, batch) for batch in BATCHES[name]] for name in BATCHES}
        runs = {name: train(name) for name in BATCHES}
    names = model_file.make(settings_of_streams().recipe_settings).state_dict().keys()
    with distributed.joined():
        first = distributed.is_first()
        found["threads"] = torch.get_num_threads()
        found["described"] = machine.describe(torch.device("cpu"))
        torch.set_num_threads(1)
        rows = [torch.arange(float(n))[distributed.part(n)] for n in range(4)]
        found["gathered"] = [distributed.gather(part, n).tolist() for n, part in enumerate(rows)]
        found["from first"] = distributed.from_first("first" if first else "second")
        for name in BATCHES:
            together, epochs = [Step(name, batch) for batch in BATCHES[name]], train(name).epochs
            if first:
                both = zip(together, steps[name], strict=True)
                found[f"steps of {name}"] = [step.compare(alone) for step, alone in both]
                found[f"epochs of {name}"] = [len(epochs), len(runs[name].epochs)]
                found[f"curve of {name}"] = [
                    max(abs(a.train_loss - b.train_loss), abs(a.val_loss - b.val_loss))
                    for a, b in zip(epochs, runs[name].epochs, strict=False)
                ]
        if not first:  # which alone sets streams and writes
            for module, name in (
                (loop, "_prepare"),
                (loop, "_write"),
                (checkpoint.Checkpoint, "save"),
            ):
                setattr(module, name, None)
        whole = fit()
        if first:
            for path in Path(".training").iterdir():
                path.unlink()
        fit(epochs=1)
        torch.manual_seed(2 + first)  # as another process would have it
        again = fit()
        found["continued"] = furthest(whole.network.state_dict(), again.network.state_dict())
        found["epochs continued"] = [len(whole.epochs), len(again.epochs)]
        found["other names"] = list(again.network.state_dict().keys() ^ names)
        sums = [each.double().sum() for each in again.network.state_dict().values()]
        found["sums of both"] = distributed.gather(torch.stack(sums)[None], 2).tolist()
        try:
            fit(batch_size=1)
        except InputError as error:
            found["refused"] = str(error)
        if first:
            Path("compare.json").write_text(json.dumps(found), encoding="utf-8")


def killed() -> None:
    """End as for lack of memory."""
    with distributed.joined():
        if not distributed.is_first():
            os.kill(os.getpid(), signal.SIGKILL)
        distributed.from_first("answer")
        distributed.gather(torch.zeros(1, 1), 2)


def refused() -> None:
    """End for bad input, which both processes find."""
    with distributed.joined():
        raise InputError("both find that the input is bad")


CASES = {each.__name__: each for each in (compare, killed, refused)}


def worker() -> None:
    """Run a case in one of the processes."""
    run(CASES[os.environ["CASE"]])


if __name__ == "__main__":
    for name in sys.argv[1:]:
        os.environ["CASE"] = name
        try:
            run(lambda: distributed.launch(worker, 2))
        except SystemExit as ended:  # after one line on standard error, or with it
            print(f"{name}:", ended.code, file=sys.stderr, flush=True)
