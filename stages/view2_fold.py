"""One fold of View 2: a network trained on the other nine, from nothing, and evaluated on this."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from siamese import atomic, machine, parameters
from siamese.alignment import learning, network
from siamese.checkpoint import UNFINISHED, Checkpoint
from siamese.dataset import images, leakage, pairs, people, protocol, tables
from siamese.errors import InputError, run
from siamese.evaluation import verification
from siamese.networks.scoring import score_pairs
from siamese.parameters import FOLDER
from siamese.training import loop

PARAMS = Path("params.yaml")
FACES = Path("data/view2-faces.npy")
INDEX = Path("data/images.csv")
PAIRS = Path("data/protocol/pairs.txt")
PEOPLE = Path("data/protocol/people.txt")
FOLDS = Path("view2")
MOST_FOLDS = 10  # as many as view2/dvc.yaml has stages for


@dataclass(frozen=True)
class Fold:
    """What a fold learns from, chooses on and is evaluated on; nobody is in two of them.

    Attributes:
        learned: listed pairs (image-restricted), or people with their number of images.
        validation: pairs of others in the same nine folds, for epoch and threshold.
        test: the fold's own pairs.
    """

    learned: list[protocol.Pair] | dict[str, int]
    validation: list[protocol.Pair]
    test: list[protocol.Pair]


def divide(number: int, objective: str, share: float, seed: int, dataset: str = "lfw") -> Fold:
    """Return fold `number`, from 1.

    Args:
        number: of the fold to evaluate.
        objective: "pairs" learns from the other folds' listed pairs, "contrastive" from the names
            of the other folds' people.
        share: of the pairs, or of the people, held out for validation.
        seed: of the choice.
        dataset: "folder" has no listed pairs to learn from: they are formed of the people.

    Raises:
        InputError: there is no such fold, it shows people of the others, or too few are held out.
    """
    folds = protocol.read_folds(PAIRS)
    if not 1 <= number <= len(folds):
        raise InputError(f"fold {number}: {PAIRS} has the folds 1 to {len(folds)}")
    test = folds[number - 1]
    others = [pair for i, fold in enumerate(folds, start=1) if i != number for pair in fold]
    if objective == "contrastive" or dataset == FOLDER:
        everybody = {
            name: count
            for i, fold in enumerate(protocol.read_people_folds(PEOPLE), start=1)
            if i != number
            for name, count in fold.items()
        }
        learned, held_out = people.hold_out(everybody, share, seed)
        validation = people.form_pairs(held_out, seed)
        if objective == "contrastive":
            result = Fold(learned, validation, test)
        else:
            result = Fold(people.form_pairs(learned, seed), validation, test)
        known = set(everybody)
    else:
        result = Fold(*pairs.split(others, share, seed, person_disjoint=True), test)
        known = {face.person for face in pairs.faces_of(others)}
    pairs.refuse_one_class(result.validation, share)
    remedy = "`dvc repro download` brings the official lists"
    tested = {face.person for face in pairs.faces_of(test)}
    leakage.refuse_test_people(known, tested, PAIRS, remedy)
    return result


def align(
    params: parameters.Parameters,
    whole: NDArray[np.uint8],
    learned: people.ImagesOfPeople,
    checkpoint: Checkpoint,
    device: torch.device,
) -> NDArray[np.uint8]:
    """Return all images, aligned by a network that learns from those of a fold.

    Args:
        params: of the run.
        whole: (images, side, side[, 3]) uint8.
        learned: images to learn from.
        checkpoint: of this training.
        device: to train on.
    """
    gray = torch.from_numpy(images.reframe(whole, network.INPUT))
    rows = people.first_of_each(
        learned, params.alignment.images_per_person, learning.IMAGES, params.seed
    )
    trained = learning.fit(gray[rows].to(device), params.alignment, params.seed, checkpoint)
    aligned = trained.align(gray)
    print(f"{int(aligned.clamped.sum()):,} images need more than the range learned", flush=True)
    return images.reframe(whole, params.recipe_settings.image, aligned.transforms.numpy())


def leave_out(number: int, folds: int, params: parameters.Parameters) -> None:
    """Write, in place of a fold, that the people are divided into fewer folds."""
    summary = {"parameters": params.in_use(), "fold": number, "of": folds}
    atomic.write_json(FOLDS / f"fold-{number}.json", summary)
    print(f"fold {number}: there are {folds} folds, nothing to do")


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("number", type=int, help="of the fold to evaluate, from 1")
    return parser.parse_args()


def main() -> None:
    """Train and evaluate the fold named on the command line."""
    number: int = arguments().number
    machine.prepare()
    params = parameters.read(PARAMS).for_view2()
    recipe = params.recipe_settings
    folds = len(protocol.read_folds(PAIRS))
    if folds < number <= MOST_FOLDS:
        leave_out(number, folds, params)
        return
    fold = divide(number, recipe.objective, params.split.validation, params.seed, params.dataset)
    device = machine.pick_device(params.deterministic)
    rows = tables.read_index(INDEX)
    examples: pairs.PairRows | people.ImagesOfPeople
    if isinstance(fold.learned, dict):
        examples = learned = people.to_images(people.faces_of_people(fold.learned), rows)
    else:
        examples = pairs.to_rows(fold.learned, rows)
        learned = people.to_images(sorted(pairs.faces_of(fold.learned)), rows)
    validation, test = (pairs.to_rows(part, rows) for part in (fold.validation, fold.test))
    inputs = [FACES, INDEX, PAIRS, PEOPLE]
    settings = ["alignment", number, params.in_use(), machine.describe(device)]
    alignment = Checkpoint(UNFINISHED, settings, inputs)
    if recipe.image.align:
        faces = align(params, images.map_array(FACES), learned, alignment, device)
    else:
        faces = images.map_array(FACES)
    placed = machine.place(torch.from_numpy(faces), device)
    finished, checkpoint = loop.fit(
        params, placed, examples, validation, inputs, fold=number, device=device
    )

    parameters.refuse_edited(params, parameters.read(PARAMS).for_view2(), PARAMS)
    scores = score_pairs(finished.network, placed, test.rows)
    threshold = finished.best.val_threshold
    figures = verification.figures(scores, test.labels, threshold)
    outside = finished.network.outside_data
    summary = {
        "parameters": params.in_use(),
        "fold": number,
        **({} if outside is None else {"outside_data": outside}),
        "epochs": len(finished.epochs),
        "best_epoch": finished.best.epoch,
        "collapsed_epoch": finished.collapsed_epoch,
        "diverged_epoch": finished.diverged_epoch,
        "seconds": round(sum(epoch.seconds for epoch in finished.epochs), 2),
        **machine.describe(device),
        "threshold": threshold,
        **figures,
        # In the order of pairs.txt.
        **{
            f"{name}_scores": [float(f"{score:.6g}") for score in scores[test.labels == label]]
            for label, name in ((protocol.SAME, "same"), (protocol.DIFFERENT, "different"))
        },
    }
    atomic.write_json(FOLDS / f"fold-{number}.json", summary)
    alignment.remove()
    checkpoint.remove()
    print(f"fold {number}: accuracy {figures['accuracy_at_threshold']:.1%}")


if __name__ == "__main__":
    run(main, after_interrupt="`dvc repro view2/dvc.yaml` continues")
