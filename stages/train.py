"""The network, trained: data/faces.npy, data/pairs -> data/model.safetensors."""

from pathlib import Path

import torch

from siamese import atomic, machine, parameters
from siamese.alignment import network
from siamese.dataset import tables
from siamese.dataset.examples import read_examples
from siamese.dataset.images import map_array
from siamese.dataset.protocol import DIFFERENT, SAME
from siamese.errors import run
from siamese.networks import model_file
from siamese.training import distributed, loop

PARAMS = Path("params.yaml")
FACES = Path("data/faces.npy")
PAIRS = Path("data/pairs")
TEST_PEOPLE = Path("data/protocol/peopleDevTest.txt")
ALIGNMENT = Path("data/alignment/network.safetensors")
MODEL = Path("data/model.safetensors")
EPOCHS = Path("plots/training.csv")
METRICS = Path("metrics/train.json")
DETAILS = Path("data/training.json")


def main() -> None:
    """Train in this process, or in as many as params.yaml says, unless torchrun has started them.

    The number of processes is among the stage's parameters: it changes the last digits of a result.
    """
    if distributed.launched() or (processes := parameters.read(PARAMS).processes) == 1:
        train()
    else:
        distributed.launch(worker, processes)


def worker() -> None:
    """Train in one process of several."""
    run(train)


def train() -> None:
    """Train as the recipe says; write each epoch's figures as it ends, and the best network."""
    machine.prepare()
    with distributed.joined():
        fit(parameters.read(PARAMS))


def fit(params: parameters.Parameters) -> None:
    """Train with these parameters; of several processes the first writes the results."""
    recipe = params.recipe_settings
    device = machine.pick_device(params.deterministic)
    images = machine.place(torch.from_numpy(map_array(FACES)), device)
    validation = tables.read_pairs(PAIRS / "val.csv")
    finished, checkpoint = loop.fit(
        params,
        images,
        read_examples(PAIRS, TEST_PEOPLE, recipe.objective),
        validation,
        [FACES, *sorted(PAIRS.iterdir())],
        EPOCHS,
        device=device,
    )
    if not distributed.is_first():
        return
    parameters.refuse_edited(params, parameters.read(PARAMS), PARAMS)
    best, seconds = finished.best, [epoch.seconds for epoch in finished.epochs]
    names = ("dataset", "recipe", "scheduler", "seed")
    outside = finished.network.outside_data
    seen = {} if outside is None else {"outside_data": outside}
    trained = {name: getattr(params, name) for name in names} | seen
    settings = model_file.Settings.of(recipe, best.val_threshold, trained)
    aligner = network.load(ALIGNMENT) if recipe.image.align else None
    scores, labels = finished.best_scores.numpy(), validation.labels
    by_class = model_file.Validation(scores[labels == SAME], scores[labels == DIFFERENT])
    model_file.save(finished.network, settings, MODEL, aligner, by_class)
    objective = finished.objective
    details = {
        "dataset": params.dataset,
        **seen,
        "epochs": len(seconds),
        "best_epoch": best.epoch,
        "best_val_loss": best.val_loss,
        "collapsed_epoch": finished.collapsed_epoch,
        "diverged_epoch": finished.diverged_epoch,
        "convergence_seconds": round(sum(seconds[: best.epoch]), 2),
        "seconds": round(sum(seconds), 2),
        f"{objective.unit}_per_second": round(objective.size * len(seconds) / sum(seconds), 1),
        **machine.describe(device),
    }
    atomic.write_json(DETAILS, details)
    metrics = {
        "dataset": params.dataset,
        **seen,
        "validation_loss": round(best.val_loss, 4),
        "epochs": len(seconds),
        "minutes": round(sum(seconds) / 60, 2),
    }
    atomic.write_json(METRICS, metrics)
    checkpoint.remove()


if __name__ == "__main__":
    run(main)
