"""One fold of View 2: a network trained from nothing on the other nine, judged on this one."""

import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from siamese import (
    atomic,
    devices,
    model,
    objectives,
    pairs,
    parameters,
    people,
    process,
    protocol,
    verification,
)
from siamese.archive import read_images
from siamese.augmentation import AUGMENTATIONS
from siamese.checkpoint import Checkpoint
from siamese.errors import InputError, run
from siamese.fitting import fit
from siamese.images import decode_all, stack
from siamese.scoring import score_pairs

ARCHIVE = Path("data/images.tar")
PAIRS = Path("data/protocol/pairs.txt")
PEOPLE = Path("data/protocol/people.txt")
FOLDS = Path("view2")
UNFINISHED = Path(".training")
CODE = [Path(__file__), *sorted(Path(model.__file__).parent.glob("*.py"))]


@dataclass(frozen=True)
class Fold:
    """What a fold learns, chooses its epoch and threshold on, and judges; nobody is in two.

    Attributes:
        learned: listed pairs (image-restricted), or people with their number of images.
        held_out: pairs of others in the same nine folds.
        judged: the fold's own pairs.
    """

    learned: list[protocol.Pair] | dict[str, int]
    held_out: list[protocol.Pair]
    judged: list[protocol.Pair]


def divide(number: int, objective: str, share: float, seed: int) -> Fold:
    """Return fold `number`, from 1.

    Args:
        number: of the fold to judge.
        objective: "pairs" learns the other folds' listed pairs, "contrastive" the names of the
            other folds' people.
        share: of the pairs, or of the people, held out.
        seed: of the choice.

    Raises:
        InputError: there is no such fold, it shows people of the others, or too few are held out.
    """
    folds = protocol.read_folds(PAIRS)
    if not 1 <= number <= len(folds):
        raise InputError(f"fold {number}: {PAIRS} has the folds 1 to {len(folds)}")
    judged = folds[number - 1]
    others = [pair for i, fold in enumerate(folds, start=1) if i != number for pair in fold]
    if objective == "contrastive":
        everybody = {
            name: count
            for i, fold in enumerate(protocol.read_people_folds(PEOPLE), start=1)
            if i != number
            for name, count in fold.items()
        }
        learned, held_out = people.hold_out(everybody, share, seed)
        result = Fold(learned, people.form_pairs(held_out, seed), judged)
        known = set(everybody)
    else:
        result = Fold(*pairs.split(others, share, seed, person_disjoint=True), judged)
        known = {face.person for face in pairs.faces_of(others)}
    pairs.refuse_one_class(result.held_out, share)
    pairs.refuse_test_people(known, {face.person for face in pairs.faces_of(judged)}, PAIRS)
    return result


def read_faces(image: parameters.Image) -> tuple[torch.Tensor, dict[protocol.Face, int]]:
    """Return all images, (images, size, size[, 3]) uint8, and the row of each."""
    images = decode_all(read_images(ARCHIVE), image.crop, image.size, image.grayscale)
    names, faces = stack(images, ARCHIVE)
    return torch.from_numpy(faces), {face: row for row, face in enumerate(names)}


def make_objective(
    fold: Fold, recipe: parameters.Recipe, faces: torch.Tensor, rows: dict[protocol.Face, int]
) -> objectives.Objective:
    """Return what the fold's network learns."""
    augment = AUGMENTATIONS[recipe.augmentation]
    if isinstance(fold.learned, dict):
        images = people.images_of(fold.learned)
        return objectives.ContrastiveObjective(
            faces,
            pairs.rows_of(images, rows),
            [face.person for face in images],
            recipe.batch_size,
            augment,
        )
    learned = pairs.to_rows(fold.learned, rows)
    return objectives.PairObjective(faces, learned, recipe.batch_size, augment)


def main() -> None:
    """Train and judge the fold named on the command line."""
    try:
        [number] = map(int, sys.argv[1:])
    except ValueError:
        raise InputError("usage: python stages/view2_fold.py NUMBER, the fold to judge") from None
    process.prepare()
    params = parameters.load(Path("params.yaml")).for_view2()
    recipe = params.recipe_settings
    fold = divide(number, recipe.objective, params.split.validation, params.seed)
    device = devices.pick_device(params.deterministic)
    machine = devices.describe(device)
    faces, rows = read_faces(recipe.image)
    faces = faces.to(device)
    torch.manual_seed(params.seed)
    network = model.make(recipe.network, recipe.image).to(device)
    objective = make_objective(fold, recipe, faces, rows)
    held_out, judged = (pairs.to_rows(part, rows) for part in (fold.held_out, fold.judged))
    checkpoint = Checkpoint(
        UNFINISHED, [number, params.in_use(), machine], [ARCHIVE, PAIRS, PEOPLE, *CODE]
    )
    finished = fit(network, objective, faces, held_out, params, checkpoint)

    threshold = verification.best_threshold(
        score_pairs(network, faces, held_out.rows), held_out.labels
    )
    scores = score_pairs(network, faces, judged.rows)
    figures = verification.figures(scores, judged.labels, threshold)
    summary = {
        "dataset": params.dataset,
        "recipe": params.recipe,
        "scheduler": params.scheduler,
        "fold": number,
        "epochs": len(finished.epochs),
        "best_epoch": finished.stopping.best_epoch,
        "collapsed_epoch": finished.collapsed_epoch,
        "diverged_epoch": finished.diverged_epoch,
        "seconds": round(sum(epoch.seconds for epoch in finished.epochs), 2),
        **machine,
        "threshold": threshold,
        **figures,
        # In the order of pairs.txt.
        **{
            f"{name}_scores": [float(f"{score:.6g}") for score in scores[judged.labels == label]]
            for label, name in ((protocol.SAME, "same"), (protocol.DIFFERENT, "different"))
        },
    }
    atomic.write_json(FOLDS / f"fold-{number}.json", summary)
    checkpoint.remove()
    print(f"fold {number}: accuracy {figures['accuracy_at_threshold']:.1%}")


if __name__ == "__main__":
    run(main)
