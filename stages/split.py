"""View 1's pairs as training, validation and test lists: data/protocol -> data/pairs."""

import csv
from pathlib import Path

from siamese import atomic, pairs, parameters, protocol
from siamese.errors import InputError, run

PROTOCOL = Path("data/protocol")
INDEX = Path("data/faces.csv")
PAIRS = Path("data/pairs")
DATASET = Path("metrics/dataset.json")


def main() -> None:
    """Split the development pairs, and count what each split holds and what leaks between."""
    params = parameters.load(Path("params.yaml"))
    with INDEX.open(encoding="utf-8", newline="") as file:
        rows = {
            protocol.Face(row["person"], int(row["number"])): int(row["row"])
            for row in csv.DictReader(file)
        }
    train, val = pairs.split(
        protocol.read_pairs(PROTOCOL / "pairsDevTrain.txt"),
        params.split.validation,
        params.seed,
        params.split.person_disjoint,
    )
    for label, name in ((protocol.SAME, "same"), (protocol.DIFFERENT, "different")):
        if label not in {pair.label for pair in val}:
            raise InputError(
                f"no {name} pair is left for validation: split.validation is "
                f"{params.split.validation}, a larger share may do"
            )
    test = protocol.read_pairs(PROTOCOL / "pairsDevTest.txt")
    for name, split in (("train", train), ("val", val), ("test", test)):
        pairs.write_csv(split, rows, PAIRS / f"{name}.csv")
    summary = {
        "dataset": params.dataset,
        "images": len(rows),
        "people": len({face.person for face in rows}),
        **pairs.summarise({"train": train, "val": val, "test": test}),
        "shared": {
            "train_val": pairs.leakage(train, val),
            "train_test": pairs.leakage(train, test),
            "val_test": pairs.leakage(val, test),
        },
    }
    atomic.write_json(DATASET, summary)
    print(f"{len(train):,} training, {len(val):,} validation, {len(test):,} test pairs")


if __name__ == "__main__":
    run(main)
