"""Training, validation and test pairs of View 1: data/protocol -> data/pairs."""

from pathlib import Path

from siamese import atomic, pairs, parameters, people, protocol
from siamese.errors import run

PROTOCOL = Path("data/protocol")
INDEX = Path("data/faces.csv")
PAIRS = Path("data/pairs")
DATASET = Path("metrics/dataset.json")
JUDGED = 2000  # training pairs, at most: two thirds of the time of `evaluate` went into all


def main() -> None:
    """Hold out what validates, form pairs if the recipe may, and count what leaks between."""
    params = parameters.load(Path("params.yaml"))
    rows = pairs.read_index(INDEX)
    share, seed = params.split.validation, params.seed
    if params.recipe_settings.objective == "contrastive":
        everybody = protocol.read_people(PROTOCOL / "peopleDevTrain.txt")
        learned, held_out = people.hold_out(everybody, share, seed)
        # Pairs in random order: the first will do to judge what is learned by the names.
        train = people.form_pairs(learned, seed)[:JUDGED]
        val = people.form_pairs(held_out, seed)
        images = people.images_of(learned)
        pairs.write_images(images, rows, PAIRS / "images.csv")
        seen = set(images)
    else:
        listed = protocol.read_pairs(PROTOCOL / "pairsDevTrain.txt")
        train, val = pairs.split(listed, share, seed, params.split.person_disjoint)
        seen = pairs.faces_of(train)
    pairs.refuse_one_class(val, share)
    test = protocol.read_pairs(PROTOCOL / "pairsDevTest.txt")
    for name, split in (("train", train), ("val", val), ("test", test)):
        pairs.write_csv(split, rows, PAIRS / f"{name}.csv")
    summary = {
        "dataset": params.dataset,
        "images": len(rows),
        "people": len({face.person for face in rows}),
        "learned_images": len(seen),
        "learned_people": len({face.person for face in seen}),
        **pairs.summarise({"train": train, "val": val, "test": test}),
        "shared": {
            "train_val": pairs.leakage(seen, val),
            "train_test": pairs.leakage(seen, test),
            "val_test": pairs.leakage(pairs.faces_of(val), test),
        },
    }
    atomic.write_json(DATASET, summary)
    print(f"{len(train):,} training, {len(val):,} validation, {len(test):,} test pairs")


if __name__ == "__main__":
    run(main)
