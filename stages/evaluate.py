"""How well the network verifies: data/model.safetensors -> metrics/test.json and curves."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from siamese import atomic, machine, parameters
from siamese.dataset import protocol, tables
from siamese.dataset.images import map_array
from siamese.dataset.people import describe
from siamese.errors import run
from siamese.evaluation import identification, verification
from siamese.networks import model_file
from siamese.networks.scoring import score_pairs
from siamese.parameters import FOLDER, folder_name

PARAMS = Path("params.yaml")
FACES = Path("data/faces.npy")
INDEX = Path("data/images.csv")
TEST_PEOPLE = Path("data/protocol/peopleDevTest.txt")
PAIRS = Path("data/pairs")
MODEL = Path("data/model.safetensors")
PREDICTIONS = Path("data/predictions")
METRICS = Path("metrics/test.json")
DETAILS = Path("data/evaluation.json")
PLOTS = Path("plots")
# The training pairs too: how far their figures exceed the others' is how far it overfits.
SPLITS = ("train", "val", "test")


def images_of_test_people() -> dict[str, list[int]]:
    """Return the rows of each test person's images."""
    people = protocol.read_people(TEST_PEOPLE)
    images = defaultdict(list)
    for face, row in tables.read_index(INDEX).items():
        if face.person in people:
            images[face.person].append(row)
    return images


def write_curves(scores: verification.Scores, labels: verification.Labels) -> None:
    """Write the tables that DVC's charts of the test pairs, (n,) each, are drawn from."""
    curve = verification.roc(scores, labels)
    atomic.write_csv(
        PLOTS / "roc.csv",
        ("threshold", "far", "tar"),
        zip(verification.probability(curve.thresholds), curve.far, curve.tar, strict=True),
    )
    classes = np.array(["same", "different"])
    predicted = verification.is_different(scores).astype(int)
    atomic.write_csv(
        PLOTS / "confusion.csv",
        ("actual", "predicted"),
        zip(classes[labels], classes[predicted], strict=True),
    )
    atomic.write_csv(
        PLOTS / "scores.csv",
        ("probability", "same", "different"),
        verification.histogram(scores, labels),
    )
    atomic.write_csv(
        PLOTS / "reliability.csv",
        ("probability", "different", "different_low", "different_high", "pairs"),
        verification.reliability(scores, labels),
    )


def main() -> None:
    """Score the pairs of each split, and one-shot trials among the test people.

    The threshold is the model's own, chosen on the validation pairs.
    """
    machine.prepare()
    params = parameters.read(PARAMS)
    device = machine.pick_device(params.deterministic)
    network, settings = model_file.load(MODEL)
    network.to(device)
    images = machine.place(torch.from_numpy(map_array(FACES)), device)

    pairs = {name: tables.read_pairs(PAIRS / f"{name}.csv") for name in SPLITS}
    test_images = images_of_test_people()
    trials = {n: identification.trials(test_images, n) for n in identification.ways(test_images)}
    # All at once, so that an image that is used twice is embedded once.
    rows = [*(each.rows for each in pairs.values()), *(t.reshape(-1, 2) for t in trials.values())]
    together = score_pairs(network, images, np.concatenate(rows))
    parts = np.split(together, np.cumsum([len(part) for part in rows])[:-1])
    scores = dict(zip(SPLITS, parts, strict=False))
    for name, each in pairs.items():
        names = tables.read_names(PAIRS / f"{name}.csv")
        lines = zip(names, each.labels, scores[name], strict=True)
        atomic.write_csv(
            PREDICTIONS / f"{name}.csv",
            ("first", "second", "label", "score"),
            ((*both, label, f"{score:.9g}") for both, label, score in lines),
        )

    figures = {
        name: verification.figures(scores[name], each.labels, settings.threshold)
        for name, each in pairs.items()
    }
    one_shot = {
        f"{n}_way": identification.figures(part.reshape(-1, n))
        for n, part in zip(trials, parts[len(SPLITS) :], strict=True)
    }
    [threshold] = verification.probability(np.array([settings.threshold]))
    details = {"dataset": params.dataset, "threshold": float(threshold), **figures}
    atomic.write_json(DETAILS, {**details, "one_shot": one_shot})
    test, most = figures["test"], max(trials)
    metrics = {
        "accuracy": test["accuracy"],
        "accuracy_at_threshold": test["accuracy_at_threshold"],
        "accuracy_at_threshold_low": test["accuracy_at_threshold_low"],
        "accuracy_at_threshold_high": test["accuracy_at_threshold_high"],
        "auc": test["auc"],
        "equal_error_rate": test["equal_error_rate"],
        "tar_at_far_0.01": test["tar_at_far"]["0.01"],
        "brier_score": test["brier_score"],
        f"one_of_{most}": one_shot[f"{most}_way"]["accuracy"],
    }
    about: dict[str, Any] = {"dataset": params.dataset}
    if params.dataset == FOLDER:
        counts = Counter(face.person for face in tables.read_index(INDEX))
        about |= {"folder": folder_name(params.folder), **describe(counts)}
    if "outside_data" in settings.trained:
        about["outside_data"] = settings.trained["outside_data"]
    if params.split.validate_on == "test":
        about["validate_on"] = "test"
    atomic.write_json(METRICS, {**about, **verification.rounded(metrics)})
    write_curves(scores["test"], pairs["test"].labels)
    print(
        f"test accuracy {test['accuracy']:.1%} "
        f"({test['accuracy_low']:.1%} to {test['accuracy_high']:.1%}), "
        f"AUC {test['auc']:.3f}, equal error rate {test['equal_error_rate']:.1%}; "
        f"one of {most} people is recognised in {one_shot[f'{most}_way']['accuracy']:.1%} of trials"
    )


if __name__ == "__main__":
    run(main)
