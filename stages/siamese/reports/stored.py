"""What DVC and Git hold of a run: its parameters, figures and scores, by experiment or revision."""

import csv
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dvc.api
import numpy as np
from dvc.exceptions import DvcException
from dvc_data.index import DataIndexDirError
from numpy.typing import NDArray

from siamese import parameters
from siamese.errors import InputError
from siamese.parameters import Parameters

# A name may be that of several experiments, each on a commit of its own; a hash never is.
EXPERIMENT_HINT = "`dvc exp list --all-commits` shows each experiment's hash and [name]"
Predictions = dict[tuple[str, str], tuple[int, float]]


def read_text(path: str, revision: str | None) -> str:
    """Return the content of a file as a run left it.

    Args:
        path: of the file, from the project's folder.
        revision: an experiment's name or another revision of Git; None is the workspace.

    Raises:
        InputError: there is no such revision, or its file is in neither Git nor DVC's cache.
    """
    name = revision or "workspace"
    try:
        text: str = dvc.api.read(path, rev=revision, encoding="utf-8")
    except (DvcException, DataIndexDirError, OSError) as error:
        raise InputError(_not_there(name, error)) from None
    return text


def read_parameters(revision: str | None) -> Parameters:
    """Return a run's parameters; see `read_text`."""
    name = f"params.yaml of {revision or 'the workspace'}"
    return parameters.build(parameters.parse(read_text("params.yaml", revision), name), name)


def read_json(path: str, revision: str | None) -> Any:
    """Return what a JSON file of a run holds; see `read_text`."""
    return json.loads(read_text(path, revision))


def read_table(path: str, revision: str | None) -> list[dict[str, str]]:
    """Return the rows of a CSV file of a run; see `read_text`."""
    return list(csv.DictReader(read_text(path, revision).splitlines()))


def read_predictions(split: str, revision: str | None) -> Predictions:
    """Return class and score of each pair of a split, by the names of its images."""
    rows = read_table(f"data/predictions/{split}.csv", revision)
    return {(row["first"], row["second"]): (int(row["label"]), float(row["score"])) for row in rows}


def in_order(predictions: Predictions) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return scores (n,) and labels (n,) in the order of the names of the pairs' images."""
    labels, scores = zip(*(predictions[names] for names in sorted(predictions)), strict=True)
    return np.array(scores, dtype=np.float64), np.array(labels, dtype=np.int64)


@contextmanager
def local_copy(path: str, revision: str) -> Iterator[Path]:
    """Give a temporary file with the content of a run's file; see `read_text`."""
    try:
        content: bytes = dvc.api.read(path, rev=revision, mode="rb")
    except (DvcException, DataIndexDirError, OSError) as error:
        raise InputError(_not_there(revision, error)) from None
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / Path(path).name
        copy.write_bytes(content)
        yield copy


def _not_there(name: str, error: Exception) -> str:
    reason = str(error).splitlines()[0]
    return (
        f"{name}: {reason}; {EXPERIMENT_HINT}. "
        "Files of runs made elsewhere are not in this machine's cache"
    )
