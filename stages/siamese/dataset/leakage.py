"""What the sets of pairs hold, and what they share: a person or image in two of them is leakage."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from siamese.dataset.pairs import faces_of
from siamese.dataset.protocol import DIFFERENT, SAME, Face, Pair
from siamese.errors import InputError


def _people(pairs: Sequence[Pair]) -> set[str]:
    return {face.person for pair in pairs for face in pair[:2]}


def summarise(splits: Mapping[str, Sequence[Pair]]) -> dict[str, dict[str, int]]:
    """Return, for each named split, its numbers of pairs by class, of people and of images."""
    return {
        name: {
            "same_pairs": sum(pair.label == SAME for pair in pairs),
            "different_pairs": sum(pair.label == DIFFERENT for pair in pairs),
            "people": len(_people(pairs)),
            "images": len(faces_of(pairs)),
        }
        for name, pairs in splits.items()
    }


def leakage(seen: set[Face], pairs: Sequence[Pair]) -> dict[str, int]:
    """Count what pairs share with images already seen.

    Returns:
        Shared people and images; the pairs of each class that show a person already seen, and
        those that use an image already seen.
    """
    people = {face.person for face in seen}
    known = [pair for pair in pairs if {pair.first.person, pair.second.person} & people]
    return {
        "people": len(people & _people(pairs)),
        "images": len(seen & faces_of(pairs)),
        "same_pairs_of_seen_people": sum(pair.label == SAME for pair in known),
        "different_pairs_of_seen_people": sum(pair.label == DIFFERENT for pair in known),
        "pairs_with_seen_images": sum(bool({*pair[:2]} & seen) for pair in pairs),
    }


def refuse_test_people(learned: set[str], test: set[str], path: Path, remedy: str) -> None:
    """Raise InputError if a test person is among those to learn from.

    Args:
        learned: names of the people to learn from.
        test: names of the test people.
        path: the file that names the test people, for the message.
        remedy: what to do, for the message.
    """
    if both := sorted(learned & test):
        raise InputError(
            f"{path}: {both[0]} is among the people to train on"
            + (f", and so are {len(both) - 1} more" if both[1:] else "")
            + f"; nobody may be in both: {remedy}"
        )
