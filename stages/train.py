"""The network, trained: data/faces.npy, data/pairs -> data/model.safetensors."""

from pathlib import Path

import numpy as np
import torch

from siamese import (
    atomic,
    devices,
    model,
    objectives,
    pairs,
    parameters,
    process,
    protocol,
)
from siamese.augmentation import AUGMENTATIONS
from siamese.checkpoint import Checkpoint
from siamese.errors import run
from siamese.fitting import fit

FACES = Path("data/faces.npy")
PAIRS = Path("data/pairs")
TEST_PEOPLE = Path("data/protocol/peopleDevTest.txt")
MODEL = Path("data/model.safetensors")
EPOCHS = Path("plots/training.csv")
METRICS = Path("metrics/train.json")
UNFINISHED = Path(".training")  # not among DVC's outputs, which it deletes before a run
CODE = [Path(__file__), *sorted(Path(model.__file__).parent.glob("*.py"))]


def refuse_test_people(learned: set[str]) -> None:
    """Raise InputError if somebody to be learned is in a test pair or a test person at all.

    Of the latter there are more: one-shot trials show them too.
    """
    test = PAIRS / "test.csv"
    pairs.refuse_test_people(learned, pairs.read_people(test), test)
    pairs.refuse_test_people(learned, set(protocol.read_people(TEST_PEOPLE)), TEST_PEOPLE)


def make_objective(recipe: parameters.Recipe, faces: torch.Tensor) -> objectives.Objective:
    """Return what the recipe learns; refuse if that shows a test person."""
    augment = AUGMENTATIONS[recipe.augmentation]
    if recipe.objective == "contrastive":
        rows, names = pairs.read_images(PAIRS / "images.csv")
        refuse_test_people(set(names))
        return objectives.ContrastiveObjective(faces, rows, names, recipe.batch_size, augment)
    train = PAIRS / "train.csv"
    refuse_test_people(pairs.read_people(train))
    return objectives.PairObjective(faces, pairs.read_csv(train), recipe.batch_size, augment)


def main() -> None:
    """Train as the recipe says; write each epoch's figures as it ends, and the best network."""
    process.prepare()
    params = parameters.load(Path("params.yaml"))
    recipe = params.recipe_settings
    device = devices.pick_device(params.deterministic)
    machine = devices.describe(device)
    torch.manual_seed(params.seed)
    network = model.make(recipe.network, recipe.image).to(device)
    faces = torch.from_numpy(np.load(FACES)).to(device)
    objective = make_objective(recipe, faces)
    val = pairs.read_csv(PAIRS / "val.csv")
    checkpoint = Checkpoint(
        UNFINISHED, [params.in_use(), machine], [FACES, *sorted(PAIRS.iterdir()), *CODE]
    )
    finished = fit(network, objective, faces, val, params, checkpoint, EPOCHS)

    model.save(network, recipe.image, MODEL)
    seconds = [epoch.seconds for epoch in finished.epochs]
    best = finished.stopping.best_epoch
    summary = {
        "dataset": params.dataset,
        "epochs": len(seconds),
        "best_epoch": best,
        "best_val_loss": finished.stopping.best_loss,
        "collapsed_epoch": finished.collapsed_epoch,
        "diverged_epoch": finished.diverged_epoch,
        "convergence_seconds": round(sum(seconds[:best]), 2),
        "seconds": round(sum(seconds), 2),
        f"{objective.unit}_per_second": round(objective.size * len(seconds) / sum(seconds), 1),
        **machine,
    }
    atomic.write_json(METRICS, summary)
    checkpoint.remove()


if __name__ == "__main__":
    run(main)
