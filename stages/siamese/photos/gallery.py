"""Who of a gallery of known people a photograph shows.

The gallery's embeddings are kept in the user's cache, by what is in the photographs and in the
network, so that a changed photograph or another network is never answered for from there.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import PIL.Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from siamese import atomic
from siamese.errors import InputError
from siamese.photos import loading
from siamese.photos.detection import Face
from siamese.photos.verifier import (
    LARGEST,
    OperatingPoint,
    Portrait,
    Verifier,
    choose,
    same_probability,
)

UNKNOWN = "unknown"
NO_PHOTOGRAPHS = ("Thumbs.db", "desktop.ini")  # which systems leave beside them
VERSION = 1  # of what is kept; another one is never read


@dataclass(frozen=True)
class Candidate:
    """A person of the gallery, and how probable it is that the photograph shows them.

    Attributes:
        name: of the person.
        probability: of the mean score of the person's photographs.
        verified: above the threshold.
        photographs: number of the person's in the gallery.
    """

    name: str
    probability: float
    verified: bool
    photographs: int


@dataclass(frozen=True)
class Identification:
    """Who a face of a photograph may be, the most probable first."""

    portrait: Portrait
    candidates: list[Candidate]

    @property
    def name(self) -> str:
        """Return the most probable person above the threshold, or "unknown"."""
        best = self.candidates[0]
        return best.name if best.verified else UNKNOWN


class Gallery:
    """Known people's photographs, embedded.

    Args:
        people: each person's portraits.
        skipped: what is wrong with photographs that are not among them.
    """

    def __init__(self, people: dict[str, list[Portrait]], skipped: list[str]) -> None:
        self.people, self.skipped = people, skipped

    @classmethod
    def read(
        cls, folder: Path, verifier: Verifier, *, aligned: bool = False, keep: bool = True
    ) -> "Gallery":
        """Return the gallery in a folder: a folder for each person, or a file for each.

        Args:
            folder: of the gallery.
            verifier: that embeds the photographs.
            aligned: they are crops as LFW has them.
            keep: keep the embeddings in the user's cache.

        Raises:
            InputError: there is no folder, or no photograph with a face in it.
        """
        if not folder.is_dir():
            raise InputError(f"{folder}: there is no such folder")
        store = _Store(verifier, aligned, cache_folder() if keep else None)
        people: dict[str, list[Portrait]] = {}
        skipped: list[str] = []
        for name, path in _photographs(folder):
            try:
                people.setdefault(name, []).append(store.portrait(path))
            except (InputError, OSError) as error:
                skipped.append(str(error))
        people = {name: portraits for name, portraits in people.items() if portraits}
        if not people:
            raise InputError(
                f"{folder}: no photograph with a face, of {len(skipped)} files; it takes a folder "
                "for each person, or a file for each" + (f" ({skipped[0]})" if skipped else "")
            )
        return cls(people, skipped)

    def identify(
        self, portrait: Portrait, verifier: Verifier, point: OperatingPoint
    ) -> Identification:
        """Return who of the gallery a face may be.

        A person with one photograph gets the score that `Verifier.verify` gives; of several the
        mean of the scores counts.
        """
        candidates = []
        for name, portraits in self.people.items():
            score = fmean(verifier.score(portrait, known) for known in portraits)
            verified = score < point.logit
            candidates.append(Candidate(name, same_probability(score), verified, len(portraits)))
        candidates.sort(key=lambda candidate: (-candidate.probability, candidate.name))
        return Identification(portrait, candidates)

    def identify_all(
        self,
        name: str,
        photo: PIL.Image.Image,
        verifier: Verifier,
        point: OperatingPoint,
        *,
        aligned: bool = False,
    ) -> list[Identification]:
        """Return who each face of a photograph may be, the largest face first.

        Args:
            name: of the photograph, for messages.
            photo: upright, RGB.
            verifier: that embedded the gallery.
            point: the threshold.
            aligned: it is a crop as LFW has it.

        Raises:
            InputError: the photograph shows no face.
        """
        faces: list[Face | None] = [None] if aligned else [*verifier.find(photo)]
        if not faces:
            choose([], None, name)
        return [self.identify(verifier.embed(name, photo, face), verifier, point) for face in faces]


def _photographs(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the person and the path of each file of a gallery, in order."""
    for path in sorted(folder.iterdir()):
        if _hidden(path):
            continue
        if path.is_dir():
            files = (each for each in sorted(path.rglob("*")) if each.is_file())
            yield from ((path.name, each) for each in files if not _hidden(each))
        else:
            yield path.stem, path


def _hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name in NO_PHOTOGRAPHS


def cache_folder() -> Path:
    """Return the folder of the user's cache that embeddings are kept in."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "siamese" / "gallery"


class _Store:
    """Portraits by what is in the photographs; embeds those that are new."""

    def __init__(self, verifier: Verifier, aligned: bool, folder: Path | None) -> None:
        self.verifier, self.aligned, self.folder = verifier, aligned, folder
        self.network = verifier.digest() if folder is not None else ""

    def portrait(self, path: Path) -> Portrait:
        """Return the largest face of a photograph."""
        content = loading.read(path)
        kept = None
        if self.folder is not None:
            key = f"{VERSION} {self.network} {self.aligned} ".encode() + content
            kept = self.folder / f"{hashlib.sha256(key).hexdigest()}.safetensors"
            if (found := self._load(kept, str(path))) is not None:
                return found
        photo = loading.decode(content, str(path))
        if self.aligned:
            portrait = self.verifier.embed(str(path), photo, None)
        else:
            faces = self.verifier.find(photo)
            portrait = self.verifier.embed(str(path), photo, choose(faces, LARGEST, str(path)))
            if len(faces) > 1:
                warning = f"{path}: {len(faces)} faces; the largest is taken"
                portrait = dataclasses.replace(portrait, warnings=(*portrait.warnings, warning))
        if kept is not None:
            self._save(kept, portrait)
        return portrait

    def _load(self, kept: Path, name: str) -> Portrait | None:
        """Return a portrait that is kept, or None; what is damaged is embedded again."""
        try:
            with safe_open(kept, framework="pt") as file:
                values = json.loads(file.metadata()["portrait"])
                face = None if values["face"] is None else Face(**values["face"])
                warnings = tuple(text.replace(values["name"], name) for text in values["warnings"])
                return Portrait(name, face, file.get_tensor("embedding"), warnings)
        except (SafetensorError, OSError, TypeError, KeyError, ValueError):
            return None

    def _save(self, kept: Path, portrait: Portrait) -> None:
        values = {
            "name": portrait.name,
            "face": portrait.face and dataclasses.asdict(portrait.face),
            "warnings": portrait.warnings,
        }
        try:
            with atomic.writing(kept) as partial:
                metadata = {"portrait": json.dumps(values)}
                save_file({"embedding": portrait.embedding.clone()}, partial, metadata)
        except (OSError, SafetensorError):
            pass  # it is only faster with a cache
