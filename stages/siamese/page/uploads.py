"""Photographs that open pages hold: in memory, and their files until the answer is given."""

import shutil
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from siamese.errors import InputError
from siamese.photos import loading


@dataclass(frozen=True)
class Photograph:
    """A photograph as it was uploaded.

    Attributes:
        name: of the file on the person's machine.
        content: of the file.
        path: of the upload, until it is deleted.
    """

    name: str
    content: bytes
    path: Path


class Uploads:
    """The photographs of each open page, by their place on it.

    Args:
        folder: that uploads are written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._pages: defaultdict[str, dict[str, Photograph]] = defaultdict(dict)

    def take(self, page: str, place: str, upload: dict[str, Any] | None) -> None:
        """Hold an upload in place of the one before.

        Args:
            page: which open page it is of.
            place: of the photograph on the page.
            upload: Gradio's path and orig_name; None leaves the place empty.

        Raises:
            InputError: the file cannot be read.
        """
        before = self._pages[page].pop(place, None)
        path = Path(upload["path"]).resolve() if upload else None
        if before is not None and before.path != path:
            self._delete(before.path)
        if upload is None or path is None:
            return
        name = upload.get("orig_name") or path.name
        if not path.is_relative_to(self.folder) or not path.is_file():
            raise InputError(f"{name}: the upload is gone; choose the photograph again")
        self._pages[page][place] = Photograph(name, loading.read(path), path)

    def held(self, page: str, place: str) -> Photograph | None:
        """Return the photograph at a place, or None."""
        return self._pages[page].get(place)

    def delete_files(self, page: str) -> None:
        """Delete the files of a page's photographs, which stay in memory."""
        for photograph in self._pages[page].values():
            self._delete(photograph.path)

    def forget(self, page: str) -> None:
        """Forget the photographs of a page that is closed."""
        self.delete_files(page)
        del self._pages[page]

    def _delete(self, path: Path) -> None:
        # Gradio gives each upload a folder of its own.
        if path.parent.parent == self.folder:
            shutil.rmtree(path.parent, ignore_errors=True)
