"""Tables and drawings in README and docs, made of the figures that Git holds."""

import csv
import json
import math
import re
from pathlib import Path

import numpy as np

from siamese import atomic
from siamese.drawing import curves
from siamese.errors import InputError
from siamese.reports import experiments, explanation, tables
from siamese.reports.experiments import Row, find, main_settings
from siamese.reports.published import REPORTED

VARIANTS = Path("metrics/variants.json")
CURVES = Path("plots/variants.csv")
ROCS = Path("plots/variants-roc.csv")
VIEW2 = Path("view2/summary.json")
VIEW2_FOLD = Path("view2/fold-1.json")
VIEW2_ROC = Path("plots/view2-roc.csv")
ABLATION = Path("metrics/ablation.json")
UNALIGNED = Path("metrics/unaligned.json")
BENCHMARK = Path("metrics/benchmark.json")
DOCUMENTS = (Path("README.md"), Path("docs"))
# The loss through a second sigmoid of a perfect network, and of one that is always certain of
# different persons, on as many pairs of either class.
SECOND_SIGMOID_BOUNDS = (
    (math.log1p(math.exp(-1)) + math.log(2)) / 2,
    (math.log1p(math.exp(-1)) + math.log1p(math.exp(1))) / 2,
)
TABLE = re.compile(r"(<!-- table: ([\w -]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def update(revisions: list[str]) -> None:
    """Take figures of experiments into the files in Git; update tables and drawings from those.

    Args:
        revisions: experiments, whose figures replace those kept of the same settings.

    Raises:
        InputError: see `experiments.collect` and `fill_in`; then nothing is written.
    """
    variants, epochs, rocs = read_kept()
    if revisions:
        collected = experiments.collect(revisions)
        variants, epochs, rocs = (
            experiments.merge(kept, new)
            for kept, new in zip((variants, epochs, rocs), collected, strict=True)
        )
        drawn = [first["experiment"] for [first, *_] in main_settings(variants).values()]
        rocs = [row for row in rocs if row["experiment"] in drawn]
    view2, view2_roc = read_view2()
    # All texts are made before anything is written.
    made = tables.make(variants, view2, read_ablation(), read_unaligned(), read_benchmark())
    texts = {path: fill_in(path, made) for path in documents()}
    if revisions:
        _write_variants(variants)
        _write(CURVES, epochs)
        _write(ROCS, rocs)
    draw(variants, epochs, rocs, view2, view2_roc)
    for path, text in texts.items():
        with atomic.writing(path) as partial:
            partial.write_text(text, encoding="utf-8")


def _write_variants(variants: list[Row]) -> None:
    """Write the experiments as JSON, one a line, so that Git shows a new one as one line."""
    lines = ",\n".join(json.dumps(variant) for variant in variants)
    with atomic.writing(VARIANTS) as partial:
        partial.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def read_kept() -> tuple[list[Row], list[Row], list[Row]]:
    """Return each experiment's figures, the epochs and the ROC points that Git holds."""
    if not VARIANTS.exists():
        return [], [], []
    return json.loads(VARIANTS.read_text(encoding="utf-8")), _read(CURVES), _read(ROCS)


def read_view2() -> tuple[Row | None, list[Row]]:
    """Return View 2's figures, or None where there are none, and the points of its ROC.

    The streams that its networks had come with them, from the first fold.

    Raises:
        InputError: they are not LFW's, or not of the folds that lie beside them.
    """
    if not VIEW2.exists():
        return None, []
    view2: Row = json.loads(VIEW2.read_text(encoding="utf-8"))
    if view2["dataset"] != experiments.DATASET:
        raise InputError(
            f"{VIEW2}: made on {view2['dataset']}, not on {experiments.DATASET}; "
            "`git restore view2 metrics plots` brings the committed figures back"
        )
    if VIEW2_FOLD.exists():
        fold: Row = json.loads(VIEW2_FOLD.read_text(encoding="utf-8"))
        if fold["accuracy_at_threshold"] != view2["accuracies"][0]:
            raise InputError(
                f"{VIEW2}: not of {VIEW2_FOLD}, which was run since; "
                "`dvc repro view2/dvc.yaml` runs the other folds and the summary"
            )
        streams = fold["parameters"]["recipe_settings"].get("streams", {})
        view2["streams"] = {kind: zooms for kind, zooms in streams.items() if zooms}
    return view2, _read(VIEW2_ROC)


def read_ablation() -> Row:
    """Return what the command `ablation` measured, by recipe.

    Raises:
        InputError: it was on other images than LFW's.
    """
    if not ABLATION.exists():
        return {}
    ablation: Row = json.loads(ABLATION.read_text(encoding="utf-8"))
    for recipe, measured in ablation.items():
        _refuse_other_images(ABLATION, recipe, measured["dataset"])
    return ablation


def read_unaligned() -> Row:
    """Return what the command `unaligned` measured, by recipe and seed; see `read_ablation`."""
    if not UNALIGNED.exists():
        return {}
    unaligned: Row = json.loads(UNALIGNED.read_text(encoding="utf-8"))
    for recipe, measured in unaligned.items():
        for row in measured.values():
            _refuse_other_images(UNALIGNED, recipe, row["dataset"])
    return unaligned


def read_benchmark() -> Row:
    """Return what the command `benchmark` measured."""
    if not BENCHMARK.exists():
        return {}
    benchmark: Row = json.loads(BENCHMARK.read_text(encoding="utf-8"))
    return benchmark


def _refuse_other_images(path: Path, recipe: str, dataset: str) -> None:
    if dataset != experiments.DATASET:
        raise InputError(
            f"{path}: {recipe} was measured on {dataset}, not on {experiments.DATASET}; "
            f"`git restore {path}` brings the committed figures back"
        )


def documents() -> list[Path]:
    """Return README and the pages of docs."""
    readme, docs = DOCUMENTS
    return [readme, *sorted(docs.glob("*.md"))]


def fill_in(path: Path, made: dict[str, str]) -> str:
    """Return the text of a Markdown file with every table between its marks replaced.

    Raises:
        InputError: the text names a table that is not made.
    """
    text = path.read_text(encoding="utf-8")
    if unknown := {name for _, name, _ in TABLE.findall(text)} - made.keys():
        raise InputError(f"{path}: no table is named {min(unknown)}; it may be {', '.join(made)}")
    return TABLE.sub(lambda found: f"{found[1]}{made[found[2]]}\n{found[3]}", text)


def draw(
    variants: list[Row], epochs: list[Row], rocs: list[Row], view2: Row | None, view2_roc: list[Row]
) -> None:
    """Draw the variants' epochs for each weight decay; the recipes' ROCs, accuracies, minutes.

    Args:
        variants: each experiment's figures.
        epochs: their epochs.
        rocs: the points of the ROCs that are drawn.
        view2: View 2's figures, if it has been run.
        view2_roc: the points of its ROC.
    """
    columns = ("epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy")
    for decay in tables.shown_decays(variants):
        runs = {}
        for name in REPORTED:
            if variant := find(variants, scheduler=name, weight_decay=decay):
                rows = [row for row in epochs if row["experiment"] == variant["experiment"]]
                runs[name] = {
                    column: np.array([float(row[column]) for row in rows]) for column in columns
                }
        path = CURVES.with_name(f"variants-weight-decay-{decay:g}.png")
        curves.training(runs, path, f"weight decay {decay:g}")

    recipes = main_settings(variants)
    drawn, title = {}, "Test pairs of View 1"
    for name, [first, *_] in recipes.items():
        points = [row for row in rocs if row["experiment"] == first["experiment"]]
        label = f"{name}, seed {first['settings']['seed']}"
        drawn[label] = _curve(points, first["evaluation"]["test"]["auc"])
    if view2 is not None:
        streams = "" if experiments.streams_as_now(view2, variants) else ", other streams"
        drawn[f"{view2['recipe']}{streams}, View 2"] = _curve(view2_roc, view2["auc"])
        title += ", or all folds' of View 2"
    curves.roc(drawn, ROCS.with_name("recipes-roc.png"), title)
    minutes = {
        name: [
            (row["train"]["seconds"] / 60, row["evaluation"]["test"]["accuracy_at_threshold"])
            for row in group
        ]
        for name, group in recipes.items()
    }
    reported, _, _, _, accuracy = REPORTED["none"]
    minutes["koch as reported"] = [(reported, accuracy)]
    curves.accuracy_by_minutes(minutes, ROCS.with_name("recipes-minutes.png"))
    path = Path("plots/reported-losses.png")
    curves.loss_by_accuracy(explanation.points(variants), SECOND_SIGMOID_BOUNDS, path)


def _curve(points: list[Row], auc: float) -> tuple[curves.Columns, float]:
    return {
        axis: np.array([float(point[axis]) for point in points]) for axis in ("far", "tar")
    }, auc


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[Row]) -> None:
    columns = list(rows[0])
    atomic.write_csv(path, columns, [[row[name] for name in columns] for row in rows])
