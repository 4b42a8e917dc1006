"""What a run learns from, of the files that the stage `split` writes; never a test person."""

from pathlib import Path

from siamese.dataset import leakage, protocol, tables
from siamese.dataset.pairs import PairRows
from siamese.dataset.people import ImagesOfPeople

REMEDY = "`dvc repro split` divides them"


def read_examples(pairs: Path, test_people: Path, objective: str) -> PairRows | ImagesOfPeople:
    """Return what an objective learns from: the training pairs, or images of people.

    Args:
        pairs: folder that `split` wrote.
        test_people: list of the test people.
        objective: "pairs" or "contrastive".

    Raises:
        InputError: that shows a test person.
    """
    images = read_images(pairs, test_people, objective)
    return images if objective == "contrastive" else tables.read_pairs(pairs / "train.csv")


def read_images(pairs: Path, test_people: Path, objective: str) -> ImagesOfPeople:
    """Return the images that an objective learns from; see `read_examples`."""
    if objective == "contrastive":
        images = tables.read_images(pairs / "images.csv")
    else:
        images = tables.read_images_of_pairs(pairs / "train.csv")
    _refuse_test_people(set(images.people), pairs / "test.csv", test_people)
    return images


def _refuse_test_people(learned: set[str], test_pairs: Path, test_people: Path) -> None:
    """Raise InputError if somebody to be learned is in a test pair, or any test person.

    One-shot trials show test people who are in no pair.
    """
    leakage.refuse_test_people(learned, tables.read_people(test_pairs), test_pairs, REMEDY)
    people = set(protocol.read_people(test_people))
    leakage.refuse_test_people(learned, people, test_people, REMEDY)
