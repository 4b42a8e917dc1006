"""One fold of View 2: a network trained from nothing on the other nine, judged on this one."""

import csv
import dataclasses
import sys
from pathlib import Path

import numpy as np
import torch

from siamese import (
    allocation,
    atomic,
    devices,
    model,
    objectives,
    pairs,
    parameters,
    people,
    protocol,
    verification,
)
from siamese.augmentation import AUGMENTATIONS
from siamese.checkpoint import Checkpoint
from siamese.errors import InputError, run
from siamese.fitting import fit
from siamese.scoring import score_pairs

FACES = Path("data/faces.npy")
INDEX = Path("data/faces.csv")
PAIRS = Path("data/protocol/pairs.txt")
PEOPLE = Path("data/protocol/people.txt")
FOLDS = Path("data/view2")
UNFINISHED = Path(".training")
CODE = [Path(__file__), *sorted(Path(model.__file__).parent.glob("*.py"))]


@dataclasses.dataclass(frozen=True)
class Fold:
    """What a fold learns, chooses its threshold on, and is judged on; no person is in two."""

    learned: list[protocol.Pair] | dict[str, int]
    held_out: list[protocol.Pair]
    judged: list[protocol.Pair]


def divide(number: int, recipe: parameters.Recipe, share: float, seed: int) -> Fold:
    """Return fold `number`, from 1.

    By pairs: learned are listed pairs of the other folds, held out a share of these whose people
    the learned ones do not show. By names: learned are people of the other folds and how many
    images each has, held out are pairs formed of a share of these people.

    Raises:
        InputError: there is no such fold, or it shows people of the others.
    """
    folds = protocol.read_folds(PAIRS)
    if not 1 <= number <= len(folds):
        raise InputError(f"fold {number}: {PAIRS} has the folds 1 to {len(folds)}")
    judged = folds[number - 1]
    others = [pair for i, fold in enumerate(folds, 1) if i != number for pair in fold]
    if recipe.objective == "contrastive":
        everybody = {
            name: count
            for i, fold in enumerate(protocol.read_people_folds(PEOPLE), 1)
            if i != number
            for name, count in fold.items()
        }
        learned, held_out = people.hold_out(everybody, share, seed)
        known = set(everybody)
        result = Fold(learned, people.form_pairs(held_out, seed), judged)
    else:
        train, val = pairs.split(others, share, seed, person_disjoint=True)
        known = {face.person for face in pairs.faces_of(others)}
        result = Fold(train, val, judged)
    pairs.refuse_test_people(known, {face.person for face in pairs.faces_of(judged)}, PAIRS)
    return result


def main() -> None:
    """Train and judge the fold named on the command line."""
    allocation.keep_freed_memory()
    params = parameters.load(Path("params.yaml"))
    recipe = params.recipe_settings
    try:
        [number] = map(int, sys.argv[1:])
    except ValueError:
        raise InputError("usage: python view2/fold.py NUMBER, the fold to judge") from None
    fold = divide(number, recipe, params.split.validation, params.seed)
    with INDEX.open(encoding="utf-8", newline="") as file:
        rows = {
            protocol.Face(row["person"], int(row["number"])): int(row["row"])
            for row in csv.DictReader(file)
        }
    device = devices.pick_device(params.deterministic)
    faces = torch.from_numpy(np.load(FACES)).to(device)
    augment = AUGMENTATIONS[recipe.augmentation]
    objective: objectives.Objective
    if isinstance(fold.learned, dict):
        images = [protocol.Face(n, i) for n, c in fold.learned.items() for i in range(1, c + 1)]
        objective = objectives.ContrastiveObjective(
            faces,
            np.array([rows[face] for face in images]),
            [face.person for face in images],
            recipe.batch_size,
            augment,
        )
    else:
        objective = objectives.PairObjective(
            faces, pairs.to_rows(fold.learned, rows), recipe.batch_size, augment
        )
    held_out, judged = (pairs.to_rows(part, rows) for part in (fold.held_out, fold.judged))

    torch.manual_seed(params.seed)
    network = model.make(recipe.network, recipe.image).to(device)
    machine = devices.describe(device)
    inputs = [FACES, INDEX, PAIRS, PEOPLE, *CODE]
    checkpoint = Checkpoint(UNFINISHED, [number, params.in_use(), machine], inputs)
    folder = FOLDS / f"fold-{number}"
    finished = fit(network, objective, faces, held_out, params, checkpoint, folder / "training.csv")

    threshold = verification.best_threshold(
        score_pairs(network, faces, held_out.rows), held_out.labels
    )
    scores = score_pairs(network, faces, judged.rows)
    atomic.write_csv(
        folder / "scores.csv",
        ("first", "second", "label", "score"),
        (
            (Path(first.file).stem, Path(second.file).stem, label, f"{score:.9g}")
            for (first, second, label), score in zip(fold.judged, scores, strict=True)
        ),
    )
    figures = verification.figures(scores, judged.labels, threshold)
    summary = {
        "dataset": params.dataset,
        "recipe": params.recipe,
        "fold": number,
        "threshold": threshold,
        "best_epoch": finished.stopping.best_epoch,
        "seconds": round(sum(epoch.seconds for epoch in finished.epochs), 2),
        **figures,
        **machine,
    }
    atomic.write_json(folder / "fold.json", summary)
    checkpoint.remove()
    print(f"fold {number}: accuracy {figures['accuracy_at_threshold']:.1%}")


if __name__ == "__main__":
    run(main)
