"""People divided into training and test people and into folds, and paired; written as LFW's lists.

Who of the training people is held out for validation is for the stage `split` to choose.
"""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from siamese.dataset.people import form_pairs, hold_out
from siamese.dataset.protocol import SAME, Pair
from siamese.errors import InputError
from siamese.parameters import People

# People with two photographs or more: without them there are no pairs of one person. Test figures
# of fewer say nothing; of the others, split.validation holds out some.
TEST_PEOPLE, OTHER_PEOPLE = 5, 20


def divide(images: Mapping[str, int], settings: People) -> dict[str, str]:
    """Return the lists of people and of pairs by file name, in the formats of LFW's.

    There is no pairsDevTrain.txt: training and validation pairs are formed of the people of
    peopleDevTrain.txt once some are held out, so that nobody is in both.

    Args:
        images: number of images of each person, at least as many as `refuse_too_few` asks for.
        settings: shares and numbers.
    """
    training, test = hold_out(images, settings.test, settings.seed)
    folds = make_folds(images, settings.folds, settings.seed)
    test_pairs = form_pairs(test, settings.seed, settings.pairs_per_person)
    fold_pairs = [form_pairs(fold, settings.seed, settings.pairs_per_person) for fold in folds]
    count = min(len(pairs) // 2 for pairs in fold_pairs)  # the format has one number for all
    return {
        "peopleDevTrain.txt": _people(training),
        "peopleDevTest.txt": _people(test),
        "people.txt": f"{len(folds)}\n" + "".join(map(_people, folds)),
        "pairsDevTest.txt": f"{len(test_pairs) // 2}\n" + _pairs(test_pairs, len(test_pairs) // 2),
        "pairs.txt": f"{len(folds)}\t{count}\n"
        + "".join(_pairs(pairs, count) for pairs in fold_pairs),
    }


def make_folds(images: Mapping[str, int], count: int, seed: int) -> list[dict[str, int]]:
    """Return people divided into folds; those with one image and those with several alike."""
    generator = random.Random(seed)
    dealt: list[str] = []
    for several in (True, False):
        names = sorted(name for name, number in images.items() if (number > 1) is several)
        dealt += generator.sample(names, len(names))
    return [{name: images[name] for name in sorted(dealt[k::count])} for k in range(count)]


def refuse_too_few(images: Mapping[str, int], settings: People, path: Path) -> None:
    """Raise InputError if too few people have two images or more; say how many would be enough.

    Args:
        images: number of images, or of files, of each person.
        settings: the share of test people.
        path: of the people's folder, for the message.
    """
    several = sum(number > 1 for number in images.values())
    enough = OTHER_PEOPLE
    while not _is_enough(enough, settings):
        enough += 1
    if several < enough:
        raise InputError(
            f"{path}: {sum(images.values()):,} photographs of {len(images):,} people, of whom "
            f"{several:,} have two or more; {enough:,} such people would be enough: {TEST_PEOPLE} "
            f"test people (people.test is {settings.test:g}) and {OTHER_PEOPLE} others"
        )


def _is_enough(people: int, settings: People) -> bool:
    test = round(settings.test * people)
    return test >= TEST_PEOPLE and people - test >= OTHER_PEOPLE


def _people(images: Mapping[str, int]) -> str:
    return f"{len(images)}\n" + "".join(f"{name}\t{images[name]}\n" for name in sorted(images))


def _pairs(pairs: Sequence[Pair], count: int) -> str:
    """Return the lines of `count` pairs of each class, the first ones."""
    same = sorted([pair for pair in pairs if pair.label == SAME][:count])
    different = sorted([pair for pair in pairs if pair.label != SAME][:count])
    lines = [f"{a.person}\t{a.number}\t{b.number}\n" for a, b, _ in same]
    lines += [f"{a.person}\t{a.number}\t{b.person}\t{b.number}\n" for a, b, _ in different]
    return "".join(lines)
