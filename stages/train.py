"""The network, trained: data/faces.npy, data/pairs -> data/model.safetensors."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import torch

from siamese import allocation, atomic, devices, model, objectives, pairs, parameters, training
from siamese.augmentation import AUGMENTATIONS
from siamese.checkpoint import Checkpoint
from siamese.errors import run

FACES = Path("data/faces.npy")
PAIRS = Path("data/pairs")
MODEL = Path("data/model.safetensors")
EPOCHS = Path("plots/training.csv")
METRICS = Path("metrics/train.json")
UNFINISHED = Path(".training")  # not among DVC's outputs, which it deletes before a run
CODE = [Path(__file__), *sorted(Path(training.__file__).parent.glob("*.py"))]


def make_objective(recipe: parameters.Recipe, faces: torch.Tensor) -> objectives.Objective:
    """Return what the recipe learns; refuse if the test pairs show somebody to be learned."""
    augment = AUGMENTATIONS[recipe.augmentation]
    test = PAIRS / "test.csv"
    if recipe.objective == "contrastive":
        rows, names = pairs.read_images(PAIRS / "images.csv")
        pairs.refuse_test_people(set(names), pairs.read_people(test), test)
        people = np.unique(names, return_inverse=True)[1]
        return objectives.ContrastiveObjective(faces, rows, people, recipe.batch_size, augment)
    train = PAIRS / "train.csv"
    pairs.refuse_test_people(pairs.read_people(train), pairs.read_people(test), test)
    return objectives.PairObjective(faces, pairs.read_csv(train), recipe.batch_size, augment)


def main() -> None:
    """Train with early stopping; write each epoch's figures as it ends, and the best network."""
    allocation.keep_freed_memory()
    params = parameters.load(Path("params.yaml"))
    device = devices.pick_device(params.deterministic)
    machine = {
        "device": device.type,
        "processor": devices.processor(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    recipe = params.recipe_settings
    torch.manual_seed(params.seed)
    network = model.make(recipe.network, recipe.image).to(device)
    faces = torch.from_numpy(np.load(FACES)).to(device)
    objective = make_objective(recipe, faces)
    val = pairs.read_csv(PAIRS / "val.csv")

    progress = training.Run(network, objective, params)
    settings = dataclasses.asdict(params) | {
        "recipes": dataclasses.asdict(recipe),
        "schedulers": params.scheduler_settings,
    }
    inputs = [FACES, *sorted(PAIRS.iterdir()), *CODE]
    checkpoint = Checkpoint(UNFINISHED, [settings, machine], inputs)
    if (state := checkpoint.load()) is not None:
        progress.load_state_dict(state)
        print(f"going on after epoch {len(progress.epochs)}, from {checkpoint.path}", flush=True)
    EPOCHS.parent.mkdir(exist_ok=True)
    with EPOCHS.open("w", newline="", encoding="utf-8") as file:
        columns = [field.name for field in dataclasses.fields(training.Epoch)]
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(dataclasses.asdict, progress.epochs))
        file.flush()
        for epoch in training.train(progress, faces, val, params):
            checkpoint.save(progress.state_dict())
            writer.writerow(dataclasses.asdict(epoch))
            file.flush()
            print(training.describe(epoch, params), flush=True)
    if progress.diverged_epoch is not None:
        print(
            f"epoch {progress.diverged_epoch}: the loss is no finite number; "
            f"epoch {progress.stopping.best_epoch} is kept; {training.advice(params)}"
        )

    model.save(network, recipe.image, MODEL)
    seconds = [epoch.seconds for epoch in progress.epochs]
    best = progress.stopping.best_epoch
    summary = {
        "dataset": params.dataset,
        "epochs": len(seconds),
        "best_epoch": best,
        "best_val_loss": progress.stopping.best_loss,
        "collapsed_epoch": progress.collapsed_epoch,
        "diverged_epoch": progress.diverged_epoch,
        "convergence_seconds": round(sum(seconds[:best]), 2),
        "seconds": round(sum(seconds), 2),
        f"{objective.unit}_per_second": round(objective.size * len(seconds) / sum(seconds), 1),
        **machine,
    }
    atomic.write_json(METRICS, summary)
    checkpoint.remove()


if __name__ == "__main__":
    run(main)
