"""README's tables and figures of the variants and recipes, from DVC's experiments.

    python -m siamese.report EXPERIMENT [EXPERIMENT ...]

reads the named experiments (or other revisions) out of DVC into metrics/variants.json,
plots/variants.csv and plots/variants-roc.csv, in place of those kept there of the same settings;
then makes README.md's tables and the figures from these files and from View 2's. Without names it
makes them again.
"""

import csv
import json
import re
import sys
from pathlib import Path

import numpy as np
from dvc.exceptions import DvcException

from siamese import atomic, experiments, figures, tables
from siamese.errors import InputError, run
from siamese.experiments import Row, by_recipe, find
from siamese.published import REPORTED
from siamese.significance import EXPERIMENT_HINT

VARIANTS = Path("metrics/variants.json")
CURVES = Path("plots/variants.csv")
ROCS = Path("plots/variants-roc.csv")
VIEW2 = Path("metrics/view2.json")
VIEW2_ROC = Path("plots/view2-roc.csv")
README = Path("README.md")
TABLE = re.compile(r"(<!-- table: ([\w -]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill_in(text: str, made: dict[str, str]) -> str:
    """Return a Markdown text with every table between its marks made anew."""
    return TABLE.sub(lambda found: f"{found[1]}{made[found[2]]}\n{found[3]}", text)


def draw(
    variants: list[Row], curves: list[Row], rocs: list[Row], view2: Row | None, view2_roc: list[Row]
) -> None:
    """Draw the variants' epochs for each weight decay; the recipes' ROCs, accuracies, minutes.

    Args:
        variants: each experiment's figures.
        curves: their epochs.
        rocs: the points of the ROCs that are drawn.
        view2: View 2's figures, if it has been run.
        view2_roc: the points of its ROC.
    """
    columns = ("epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy")
    for decay in tables.shown_decays(variants):
        runs = {}
        for name in REPORTED:
            if variant := find(variants, scheduler=name, weight_decay=decay):
                rows = [row for row in curves if row["experiment"] == variant["experiment"]]
                runs[name] = {
                    column: np.array([float(row[column]) for row in rows]) for column in columns
                }
        path = CURVES.with_name(f"variants-weight-decay-{decay:g}.png")
        figures.training_curves(runs, path, f"weight decay {decay:g}")

    recipes = by_recipe(variants)
    drawn, title = {}, "Test pairs of View 1"
    for name, [first, *_] in recipes.items():
        points = [row for row in rocs if row["experiment"] == first["experiment"]]
        drawn[f"{name}, seed {first['seed']}"] = _curve(points, first["evaluation"]["test"]["auc"])
    if view2 is not None:
        drawn[f"{view2['recipe']}, View 2"] = _curve(view2_roc, view2["auc"])
        title += ", or all folds' of View 2"
    figures.roc_curves(drawn, ROCS.with_name("recipes-roc.png"), title)
    minutes = {
        name: [
            (row["train"]["seconds"] / 60, row["evaluation"]["test"]["accuracy_at_threshold"])
            for row in group
        ]
        for name, group in recipes.items()
    }
    reported, _, _, _, accuracy = REPORTED["none"]
    minutes["koch as reported"] = [(reported, accuracy)]
    figures.accuracy_by_minutes(minutes, ROCS.with_name("recipes-minutes.png"))


def _curve(points: list[Row], auc: float) -> tuple[figures.Columns, float]:
    return {
        axis: np.array([float(point[axis]) for point in points]) for axis in ("far", "tar")
    }, auc


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[Row]) -> None:
    columns = list(rows[0])
    atomic.write_csv(path, columns, [[row[name] for name in columns] for row in rows])


def main() -> None:
    """Collect the experiments named on the command line, if any; make tables and figures."""
    if revisions := sys.argv[1:]:
        try:
            variants, curves, rocs = experiments.collect(revisions)
        except DvcException as error:
            raise InputError(f"{error}; {EXPERIMENT_HINT}") from None
        if VARIANTS.exists():
            variants = experiments.merge(json.loads(VARIANTS.read_text(encoding="utf-8")), variants)
            curves, rocs = (
                experiments.merge(_read(CURVES), curves),
                experiments.merge(_read(ROCS), rocs),
            )
        drawn = [first["experiment"] for [first, *_] in by_recipe(variants).values()]
        rocs = [row for row in rocs if row["experiment"] in drawn]
    else:
        variants = json.loads(VARIANTS.read_text(encoding="utf-8"))
        curves, rocs = _read(CURVES), _read(ROCS)
    view2, view2_roc = None, []
    if VIEW2.exists():
        view2, view2_roc = json.loads(VIEW2.read_text(encoding="utf-8")), _read(VIEW2_ROC)
        if view2["dataset"] != experiments.DATASET:
            raise InputError(f"{VIEW2}: made on {view2['dataset']}, not on {experiments.DATASET}")
    text = README.read_text(encoding="utf-8")
    # The tables are made before anything is written.
    try:
        made = tables.make(variants, view2)
    except KeyError as missing:
        raise InputError(
            f"{missing} is not among an experiment's figures: it was run by earlier code; run it "
            "again"
        ) from None
    if unknown := {name for _, name, _ in TABLE.findall(text)} - made.keys():
        raise InputError(f"{README}: no table is named {min(unknown)}; it may be {', '.join(made)}")
    if revisions:
        atomic.write_json(VARIANTS, variants)
        _write(CURVES, curves)
        _write(ROCS, rocs)
    draw(variants, curves, rocs, view2, view2_roc)
    with atomic.writing(README) as partial:
        partial.write_text(fill_in(text, made), encoding="utf-8")


if __name__ == "__main__":
    run(main)
