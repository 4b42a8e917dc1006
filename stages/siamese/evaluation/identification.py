"""One-shot identification: which of N people, known by one image each, does a new image show?

Source: Koch, Zemel, Salakhutdinov, "Siamese Neural Networks for One-shot Image Recognition" (2015),
section 4.3, with people in place of characters.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from siamese.evaluation.verification import wilson_interval

WAYS = (2, 5, 10, 20)
TRIALS = 1000
SEED = 0  # not a run's own: all runs get the same trials


def ways(rows: Mapping[str, Sequence[int]]) -> list[int]:
    """Return those of WAYS for which enough people have two images or more; see `trials`."""
    people = sum(len(images) > 1 for images in rows.values())
    return [number for number in WAYS if number <= people]


def trials(rows: Mapping[str, Sequence[int]], ways: int, count: int = TRIALS) -> NDArray[np.int64]:
    """Return trials (count, ways, 2): in each, one image beside one of each of `ways` people.

    The first column shows the person of the image, in another photograph.

    Args:
        rows: the images of each person, by row in the array of faces.
        ways: number of people to choose from; as many must have two images or more.
        count: number of trials.
    """
    rng = np.random.default_rng([SEED, ways])
    people = [images for images in rows.values() if len(images) > 1]
    result = np.empty((count, ways, 2), dtype=np.int64)
    for trial in result:
        person, *others = rng.choice(len(people), ways, replace=False)
        image, known = rng.choice(people[person], 2, replace=False)
        trial[:, 0] = image
        trial[:, 1] = [known, *(rng.choice(people[other]) for other in others)]
    return result


def figures(scores: NDArray[np.floating]) -> dict[str, float]:
    """Return the figures of trials whose pairs got the scores (count, ways), the right one first.

    The lowest score, of the most similar pair, decides; a tie with a wrong one is an error.

    Returns:
        Accuracy, its 95 % Wilson interval (low, high), that of guessing, and the number of trials.
        The interval is that of other trials among these people: trials share images, so that other
        people may differ by more.
    """
    count, ways = scores.shape
    accuracy = float(np.mean(scores[:, 0] < scores[:, 1:].min(axis=1)))
    low, high = wilson_interval(accuracy, count)
    return {
        "accuracy": accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        "chance": 1 / ways,
        "trials": count,
    }
