"""Tables on the reported figures: which hypotheses explain them, and which do not.

The hypotheses: the loss took the network's probability for a logit (a *second sigmoid*), and the
validation pairs were left in the training set.
"""

from statistics import mean
from typing import Any

from siamese.reports.experiments import Row, changes, differing, seeds_together
from siamese.reports.markdown import NOT_MEASURED, markdown
from siamese.reports.published import REPORTED, REPORTED_WEIGHT_DECAY

DEVICE = "cuda"  # of the runs that are compared here
# The settings that the report leaves open.
OPEN = {
    *("grayscale", "scaling", "normalisation", "initialisation", "augmentation", "validate_on"),
    *("patience", "second_sigmoid"),
}
SECOND = {"second_sigmoid": True}
LOSSES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("cross-entropy", {}),
    ("second sigmoid", SECOND),
)
Group = list[Row]  # of one setting, a row for each seed


class Explanation:
    """The runs that explain, by their settings.

    Args:
        variants: all experiments; the first one's settings are those that others change.
    """

    def __init__(self, variants: list[Row]) -> None:
        self.first: dict[str, Any] = variants[0]["settings"] | {"device": DEVICE}
        here = [each for each in variants if each["settings"].get("device") == DEVICE]
        self.groups = seeds_together(here)

    def find(self, **settings: Any) -> Group | None:
        """Return the runs that change these settings and no others; the schedule may be any."""
        wanted = self.first | settings
        found = (g for g in self.groups if not differing(g[0]["settings"], wanted, *FREE))
        return next(found, None)


FREE = ("seed", "schedule")


def make(variants: list[Row]) -> dict[str, str]:
    """Return the tables by name."""
    runs = Explanation(variants)
    return {
        "second sigmoid": second_sigmoid_table(runs),
        "validation in training": training_table(runs),
        "open questions": open_table(runs),
    }


def _cells(group: Group | None, split: str) -> tuple[str, str]:
    """Return the mean loss through the second sigmoid, and the mean accuracy with its range."""
    if group is None:
        return NOT_MEASURED, ""
    figures = [variant["evaluation"][split] for variant in group]
    accuracies = [each["accuracy"] for each in figures]
    low, high = f"{min(accuracies):.1%}", f"{max(accuracies):.1%}"
    spread = f" ({low} to {high})" if low != high else ""
    loss = mean(each["second_sigmoid_loss"] for each in figures)
    return f"{loss:.3f}", f"{mean(accuracies):.1%}{spread}"


def _reported(name: str) -> tuple[str, str, str, str]:
    _, val_loss, val_accuracy, test_loss, test_accuracy = REPORTED[name]
    return f"{val_loss:.3f}", f"{val_accuracy:.1%}", f"{test_loss:.3f}", f"{test_accuracy:.1%}"


def _collapsed(group: Group | None) -> str:
    if group is None:
        return ""
    collapsed = sum(variant["train"]["collapsed_epoch"] is not None for variant in group)
    return f"{collapsed} of {len(group)}"


def second_sigmoid_table(runs: Explanation) -> str:
    """Return every reported figure beside ours through the second sigmoid, as Markdown."""
    columns = (
        *("scheduler", "weight decay", "trained with", "validation loss", "validation accuracy"),
        *("test loss", "test accuracy", "loss of training pairs", "accuracy", "collapsed"),
    )
    decays = (0.0, REPORTED_WEIGHT_DECAY)
    rows: list[tuple[str, ...]] = []
    for name in REPORTED:
        rows.append((name, f"{decays[1]:g}", "*reported*", *_reported(name), "", "", ""))
        for decay in decays:
            for words, changed in LOSSES:
                group = runs.find(scheduler=name, weight_decay=decay, **changed)
                cells = [
                    cell for split in ("val", "test", "train") for cell in _cells(group, split)
                ]
                rows.append((name, f"{decay:g}", words, *cells, _collapsed(group)))
    return markdown(columns, rows)


def training_table(runs: Explanation) -> str:
    """Return what comes of validation pairs that are learned from as well, as Markdown."""
    columns = (
        *("validation pairs", "trained with", "validation loss", "validation accuracy"),
        *("test loss", "test accuracy"),
    )
    rows: list[tuple[str, ...]] = [("", "*reported*", *_reported("none"))]
    for where, placed in (("held out", {}), ("in training", {"validate_on": "training"})):
        for words, changed in LOSSES:
            group = runs.find(**placed, **changed)
            rows.append((where, words, *_cells(group, "val"), *_cells(group, "test")))
    return markdown(columns, rows)


def open_table(runs: Explanation) -> str:
    """Return what the report leaves open gives, alone and together, as Markdown."""
    columns = (
        *("changed", "seeds", "validation accuracy", "test accuracy", "test loss"),
        "points below the reported",
    )
    reported = REPORTED["none"][4]
    rows = []
    for group in runs.groups:
        settings = group[0]["settings"]
        changed = set(differing(runs.first, settings, "seed"))
        if not changed <= OPEN or settings.get("validate_on") == "training":
            continue
        chosen = settings.get("validate_on") == "test"
        loss, accuracy = _cells(group, "test")
        accuracies = [variant["evaluation"]["test"]["accuracy"] for variant in group]
        rows.append(
            (
                changes(group[0], {"settings": runs.first}) or "nothing",
                ", ".join(str(variant["settings"]["seed"]) for variant in group),
                "" if chosen else _cells(group, "val")[1],
                accuracy + (", chosen on test" if chosen else ""),
                loss,
                f"{100 * (reported - mean(accuracies)):.1f}",
            )
        )
    return markdown(columns, rows)


def points(variants: list[Row]) -> dict[str, list[tuple[float, float]]]:
    """Return (accuracy, loss) of the report's figures and of ours, by what they are.

    Ours are those of training, validation and test pairs: of the plain runs, with the cross-entropy
    and through the second sigmoid, and of those that were trained with both hypotheses.
    """
    runs = Explanation(variants)
    plain, both = runs.find() or [], runs.find(validate_on="training", **SECOND) or []
    found = {
        "reported": [
            pair
            for _, val_loss, val_accuracy, test_loss, test_accuracy in REPORTED.values()
            for pair in ((val_accuracy, val_loss), (test_accuracy, test_loss))
        ]
    }
    for title, group, loss in (
        ("ours, cross-entropy", plain, "loss"),
        ("ours, through the second sigmoid", plain, "second_sigmoid_loss"),
        ("ours, trained with both hypotheses", both, "second_sigmoid_loss"),
    ):
        figures = [row["evaluation"][split] for row in group for split in ("train", "val", "test")]
        found[title] = [(each["accuracy"], each[loss]) for each in figures]
    return found
