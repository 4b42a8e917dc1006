"""How well the network verifies: data/model.safetensors -> metrics/evaluation.json and curves."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

from siamese import (
    atomic,
    devices,
    identification,
    model,
    pairs,
    parameters,
    process,
    protocol,
    verification,
)
from siamese.errors import run
from siamese.scoring import score_pairs

FACES = Path("data/faces.npy")
INDEX = Path("data/faces.csv")
TEST_PEOPLE = Path("data/protocol/peopleDevTest.txt")
PAIRS = Path("data/pairs")
MODEL = Path("data/model.safetensors")
PREDICTIONS = Path("data/predictions")
METRICS = Path("metrics/evaluation.json")
PLOTS = Path("plots")
# The training pairs too: how far their figures lie above the others' is how far it overfits.
SPLITS = ("train", "val", "test")


def images_of_test_people() -> dict[str, list[int]]:
    """Return the rows of each test person's images."""
    people = protocol.read_people(TEST_PEOPLE)
    images = defaultdict(list)
    for face, row in pairs.read_index(INDEX).items():
        if face.person in people:
            images[face.person].append(row)
    return images


def main() -> None:
    """Score the pairs of each split, and one-shot trials among the test people.

    The threshold is chosen on validation alone.
    """
    process.prepare()
    params = parameters.load(Path("params.yaml"))
    device = devices.pick_device(params.deterministic)
    network, _ = model.load(MODEL)
    network.to(device)
    faces = torch.from_numpy(np.load(FACES)).to(device)

    tables = {name: pairs.read_csv(PAIRS / f"{name}.csv") for name in SPLITS}
    labels = {name: table.labels for name, table in tables.items()}
    test_images = images_of_test_people()
    trials = {n: identification.trials(test_images, n) for n in identification.WAYS}
    # All at once, so that an image that is used twice is embedded once.
    asked = [*(t.rows for t in tables.values()), *(t.reshape(-1, 2) for t in trials.values())]
    together = score_pairs(network, faces, np.concatenate(asked))
    answers = np.split(together, np.cumsum([len(rows) for rows in asked])[:-1])
    scores = dict(zip(SPLITS, answers, strict=False))
    for name in SPLITS:
        atomic.write_csv(
            PREDICTIONS / f"{name}.csv",
            ("first", "second", "label", "score"),
            (
                (*names, label, f"{score:.9g}")
                for names, label, score in zip(
                    pairs.read_names(PAIRS / f"{name}.csv"), labels[name], scores[name], strict=True
                )
            ),
        )

    threshold = verification.best_threshold(scores["val"], labels["val"])
    figures = {name: verification.figures(scores[name], labels[name], threshold) for name in SPLITS}
    test = figures["test"]
    [probability] = verification.probability(np.array([threshold]))
    one_shot = {
        f"{n}_way": identification.figures(answer.reshape(-1, n))
        for n, answer in zip(trials, answers[len(SPLITS) :], strict=True)
    }
    summary = {
        "dataset": params.dataset,
        "threshold": float(probability),
        **figures,
        "one_shot": one_shot,
    }
    atomic.write_json(METRICS, summary)

    curve = verification.roc(scores["test"], labels["test"])
    atomic.write_csv(
        PLOTS / "roc.csv",
        ("threshold", "far", "tar"),
        zip(verification.probability(curve.thresholds), curve.far, curve.tar, strict=True),
    )
    classes = np.array(["same", "different"])
    judged = (scores["test"] >= verification.EVEN_ODDS).astype(int)
    atomic.write_csv(
        PLOTS / "confusion.csv",
        ("actual", "predicted"),
        zip(classes[labels["test"]], classes[judged], strict=True),
    )
    atomic.write_csv(
        PLOTS / "scores.csv",
        ("probability", "same", "different"),
        verification.histogram(scores["test"], labels["test"]),
    )
    atomic.write_csv(
        PLOTS / "reliability.csv",
        ("probability", "different", "different_low", "different_high", "pairs"),
        verification.reliability(scores["test"], labels["test"]),
    )
    print(
        f"test accuracy {test['accuracy']:.1%} "
        f"({test['accuracy_low']:.1%} to {test['accuracy_high']:.1%}), "
        f"AUC {test['auc']:.3f}, equal error rate {test['equal_error_rate']:.1%}; "
        f"one of 20 people is recognised in {one_shot['20_way']['accuracy']:.1%} of trials"
    )


if __name__ == "__main__":
    run(main)
