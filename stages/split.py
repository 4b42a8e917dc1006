"""Training, validation and test pairs of View 1: data/protocol -> data/pairs, data/dataset.json."""

from collections import Counter
from pathlib import Path

from siamese import atomic, parameters
from siamese.dataset import leakage, pairs, people, protocol, tables
from siamese.errors import run
from siamese.parameters import FOLDER, folder_name

PARAMS = Path("params.yaml")
PROTOCOL = Path("data/protocol")
INDEX = Path("data/images.csv")
PAIRS = Path("data/pairs")
DATASET = Path("data/dataset.json")
TRAINING_PAIRS = 2000  # at most, to be evaluated: all would take two thirds of `evaluate`'s time


def main() -> None:
    """Hold out what validates, form pairs if the recipe may, and count what leaks between."""
    params = parameters.read(PARAMS)
    rows = tables.read_index(INDEX)
    share, seed = params.split.validation, params.seed
    own, by_name = params.dataset == FOLDER, params.recipe_settings.objective == "contrastive"
    if by_name or own:
        everybody = protocol.read_people(PROTOCOL / "peopleDevTrain.txt")
        learned, held_out = people.hold_out(everybody, share, seed)
        train = people.form_pairs(learned, seed)
        val = people.form_pairs(held_out, seed)
    else:
        listed = protocol.read_pairs(PROTOCOL / "pairsDevTrain.txt")
        train, val = pairs.split(listed, share, seed, params.split.person_disjoint)
    if by_name:
        # Pairs in random order: the first of them show how well the training people are verified.
        train = train[:TRAINING_PAIRS]
        images = people.faces_of_people(learned)
        tables.write_images(people.to_images(images, rows), PAIRS / "images.csv")
        seen = set(images)
    else:
        seen = pairs.faces_of(train)
    pairs.refuse_one_class(val, share)
    test = protocol.read_pairs(PROTOCOL / "pairsDevTest.txt")
    if params.split.validate_on == "training":
        train = [*train, *val]
        seen = pairs.faces_of(train)
    elif params.split.validate_on == "test":
        val = test
    for name, split in (("train", train), ("val", val), ("test", test)):
        tables.write_pairs(split, rows, PAIRS / f"{name}.csv")
    about = people.describe(Counter(face.person for face in rows)) if own else {}
    summary = {
        "dataset": params.dataset,
        **({"folder": folder_name(params.folder)} if own else {}),
        "images": len(rows),
        "people": len({face.person for face in rows}),
        **about,
        "learned_images": len(seen),
        "learned_people": len({face.person for face in seen}),
        **leakage.summarise({"train": train, "val": val, "test": test}),
        "shared": {
            "train_val": leakage.leakage(seen, val),
            "train_test": leakage.leakage(seen, test),
            "val_test": leakage.leakage(pairs.faces_of(val), test),
        },
    }
    atomic.write_json(DATASET, summary)
    print(f"{len(train):,} training, {len(val):,} validation, {len(test):,} test pairs")


if __name__ == "__main__":
    run(main)
