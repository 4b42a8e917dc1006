"""The project's folder, and the paths that are given from it."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from siamese.errors import InputError


def project(workspace: Path) -> Path:
    """Return the project's folder, also for a run in a copy of its own.

    `dvc exp run --temp` and the queue work in copies below .dvc/tmp/exps, which DVC deletes. What
    one of them has fetched is kept in the project: it serves the others, and the next attempt.
    """
    for folder in workspace.parents:
        if folder.parts[-3:] == (".dvc", "tmp", "exps"):
            return folder.parents[2]
    return workspace


def absolute(place: str | None, folder: Path) -> str | None:
    """Return an http(s) URL as it is, a path or file URL as a path from a folder.

    Raises:
        InputError: a file URL names another machine.
    """
    if not place or place.startswith(("http://", "https://")):
        return place or None
    if place.startswith("file:"):
        url = urlsplit(place)
        if url.netloc not in ("", "localhost") or not url.path.startswith("/"):
            raise InputError(f"{place}: a file URL of this machine begins with file:///")
        place = unquote(url.path)
    return str(folder / Path(place).expanduser())
