"""Whether two photographs show the same person, by a trained network.

A photograph is embedded by itself, so that the same two give the same digits whatever else is
compared, and in whichever order.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from torch import Tensor

from siamese.errors import InputError
from siamese.networks import model_file
from siamese.networks.model_file import Model
from siamese.networks.scoring import to_input
from siamese.photos import detection, loading
from siamese.photos.detection import Face
from siamese.photos.framing import REGION, frame
from siamese.photos.yunet import YuNet

LARGEST = "largest"
SMALL_FACE = 40  # pixels along the side of a face's square, below which little is to be seen


class FaceError(InputError):
    """No face of a photograph is chosen: it shows none, or several.

    Args:
        reason: what is wrong, in one line.
        hint: which options of the command help, to be read after the reason.
        faces: all that the photograph shows, the largest first.
    """

    def __init__(self, reason: str, hint: str, faces: Sequence[Face]) -> None:
        super().__init__(reason + hint)
        self.reason, self.faces = reason, faces


@dataclass(frozen=True)
class Portrait:
    """One face of a photograph, embedded.

    Attributes:
        name: of the photograph.
        face: where it is; None if the photograph was taken as it is.
        embedding: (1, width).
        warnings: what may make the answer less certain.
    """

    name: str
    face: Face | None
    embedding: Tensor
    warnings: tuple[str, ...]

    @property
    def area(self) -> dict[str, int] | None:
        """Return the face's square as x, y, w and h in pixels."""
        return None if self.face is None else dict(zip("xywh", self.face.box, strict=True))


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold, and how often it errs on the validation people.

    Attributes:
        logit: the score from which on two photographs show different persons.
        false_accept_rate: share of the validation pairs of different persons that are accepted.
        false_reject_rate: share of those of one person that are not.
        pairs: number of validation pairs of different persons and of one person.
    """

    logit: float
    false_accept_rate: float | None
    false_reject_rate: float | None
    pairs: tuple[int, int]

    @property
    def probability(self) -> float:
        """Return the threshold as a probability of the same person."""
        return same_probability(self.logit)

    def __str__(self) -> str:
        """Return the threshold and its error rates, for a person to read."""
        text = f"threshold {self.probability:.3f}"
        if self.false_accept_rate is not None and self.false_reject_rate is not None:
            different, same = self.pairs
            text += (
                f": on validation people it accepts {self.false_accept_rate:.1%} of different "
                f"persons and rejects {self.false_reject_rate:.1%} of the same ones "
                f"({different:,} and {same:,} pairs)"
            )
        return text


@dataclass(frozen=True)
class Verification:
    """The answer: see `Verifier.verify`."""

    verified: bool
    probability: float
    threshold: OperatingPoint
    first: Portrait
    second: Portrait
    trained: dict[str, Any]

    @property
    def verdict(self) -> str:
        """Return the answer in words."""
        return "the same person" if self.verified else "different persons"

    @property
    def warnings(self) -> list[str]:
        """Return what may make the answer less certain."""
        found = [*self.first.warnings, *self.second.warnings]
        if self.trained.get("dataset") == "synthetic":
            found.append("the network was trained on drawn faces: it knows nothing of real ones")
        return list(dict.fromkeys(found))

    def as_json(self) -> dict[str, Any]:
        """Return the answer with deepface's keys where they mean the same."""
        point = self.threshold
        return {
            "verified": self.verified,
            "probability": self.probability,
            "threshold": point.probability,
            "false_accept_rate": point.false_accept_rate,
            "false_reject_rate": point.false_reject_rate,
            "facial_areas": {"img1": self.first.area, "img2": self.second.area},
            "model": self.trained,
            "warnings": self.warnings,
        }


def same_probability(score: float) -> float:
    """Return the probability of the same person for a score, the logit of different ones."""
    if score < 0:
        return 1 / (1 + math.exp(score))
    return math.exp(-score) / (1 + math.exp(-score))


class Verifier:
    """A trained network with the path that photographs take to it.

    Args:
        model: what a model file holds.
        yunet: finds the faces; by default OpenCV's cascade does.
    """

    def __init__(self, model: Model, yunet: YuNet | None = None) -> None:
        self.model, self.yunet = model, yunet

    @classmethod
    def load(
        cls, path: str | Path = "data/model.safetensors", yunet: str | Path | None = None
    ) -> "Verifier":
        """Return the verifier of a model file that `dvc repro` made.

        Args:
            path: of the model file.
            yunet: path of YuNet's file, which then finds the faces.

        Raises:
            InputError: there is no model file, or it is not one of this version; or see `YuNet`.
        """
        path = Path(path)
        if not path.exists():
            raise InputError(
                f"{path} is missing: `dvc exp run -S recipe=quick -S scheduler=onecycle` makes one "
                "in about three minutes on two CPU cores"
            )
        return cls(model_file.load_all(path), None if yunet is None else YuNet(Path(yunet)))

    @property
    def trained(self) -> dict[str, Any]:
        """Return what the network was trained on, and by which recipe."""
        return self.model.settings.trained

    @property
    def training(self) -> str:
        """Return the same for a person to read."""
        known = ", ".join(
            f"{name.replace('_', ' ')} {value}" for name, value in self.trained.items()
        )
        return known or "nothing is known of its training"

    def digest(self) -> str:
        """Return what tells this verifier from another: a digest of all its parameters.

        YuNet's file counts too, if that finds the faces.
        """
        digest = hashlib.sha256(repr(self.model.settings).encode())
        for part in (self.model.network, self.model.aligner):
            for tensor in [] if part is None else part.state_dict().values():
                digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy())
        if self.yunet is not None:
            digest.update(self.yunet.digest.encode())
        return digest.hexdigest()

    def find(self, photo: PIL.Image.Image) -> list[Face]:
        """Return the faces of an RGB photograph, the largest first."""
        return detection.find(photo) if self.yunet is None else self.yunet.find(photo)

    def verify(
        self,
        first: str | Path | PIL.Image.Image,
        second: str | Path | PIL.Image.Image,
        *,
        faces: tuple[str | int | None, str | int | None] = (None, None),
        aligned: bool = False,
        threshold: OperatingPoint | None = None,
    ) -> Verification:
        """Return whether two photographs show the same person, and how probable it is.

        Args:
            first: path of a photograph, "-" for standard input, or the photograph itself.
            second: likewise; the order makes no difference.
            faces: which face of each, where there are several: "largest", or a number from 1.
            aligned: the photographs are crops as LFW has them; no face is looked for.
            threshold: see `at_probability` and `at_false_accept_rate`; by default the network's
                own, of the highest accuracy on the validation people.

        Raises:
            InputError: a photograph cannot be read, or shows no face or several.
        """
        a, b = (
            self.portrait(photo, face, aligned)
            for photo, face in zip((first, second), faces, strict=True)
        )
        return self.compare(a, b, threshold or self.default())

    def compare(self, first: Portrait, second: Portrait, threshold: OperatingPoint) -> Verification:
        """Return whether two embedded faces are of the same person; see `verify`."""
        score = self.score(first, second)
        return Verification(
            verified=score < threshold.logit,
            probability=same_probability(score),
            threshold=threshold,
            first=first,
            second=second,
            trained=self.trained,
        )

    def score(self, first: Portrait, second: Portrait) -> float:
        """Return the logit of "different persons" of two embedded faces."""
        with torch.inference_mode():
            return float(self.model.network.compare(first.embedding, second.embedding)[0])

    def portrait(
        self,
        photo: str | Path | PIL.Image.Image,
        face: str | int | None = None,
        aligned: bool = False,
    ) -> Portrait:
        """Return the face of a photograph, embedded; see `verify`."""
        name, image = open_photo(photo)
        if aligned:
            return self.embed(name, image, None)
        return self.embed(name, image, choose(self.find(image), face, name))

    def embed(self, name: str, photo: PIL.Image.Image, face: Face | None) -> Portrait:
        """Return a face of a photograph, embedded; without a face, the photograph as it is."""
        settings = self.model.settings.image
        framed = frame(photo, face, settings, self.model.aligner)
        pixels = torch.from_numpy(framed.pixels.copy())[None]
        with torch.inference_mode():
            embedding = self.model.network.embed(to_input(pixels))
        warnings = []
        if face is not None and face.side < SMALL_FACE:
            warnings.append(f"{name}: the face is {face.side:.0f} pixels wide: little to see")
        if face is None and min(photo.size) < settings.crop:
            warnings.append(f"{name}: {photo.width}×{photo.height} pixels: little to see")
        if framed.clamped:
            warnings.append(f"{name}: the face is turned or framed as few are; it may be none")
        return Portrait(name, face, embedding, tuple(warnings))

    def default(self) -> OperatingPoint:
        """Return the threshold of the highest accuracy on the validation people."""
        return self._point(self.model.settings.threshold)

    def at_probability(self, probability: float) -> OperatingPoint:
        """Return the threshold at a probability of the same person, from 0 to 1.

        Raises:
            InputError: it is no probability.
        """
        if not 0 <= probability <= 1:
            raise InputError(f"the threshold is {probability:g}; it takes a probability, 0 to 1")
        if probability in (0, 1):
            return self._point(math.inf if probability == 0 else -math.inf)
        return self._point(math.log((1 - probability) / probability))

    def at_false_accept_rate(self, rate: float) -> OperatingPoint:
        """Return the threshold at which so few validation pairs of others are accepted.

        Raises:
            InputError: it is no rate, or the file holds too few pairs to measure it.
        """
        if not 0 < rate < 1:
            raise InputError(f"the false accept rate is {rate:g}; it takes a share, such as 0.01")
        validation = self.model.validation
        pairs = 0 if validation is None else len(validation.different)
        if validation is None or pairs * rate < 1:
            raise InputError(
                f"a false accept rate of {rate:g} cannot be measured on {pairs:,} validation pairs "
                f"of different persons; it takes one from {1 / max(1, pairs):.2g}"
            )
        ordered = np.sort(validation.different)
        return self._point(float(ordered[math.floor(rate * pairs)]))

    def _point(self, logit: float) -> OperatingPoint:
        validation = self.model.validation
        if validation is None:
            return OperatingPoint(logit, None, None, (0, 0))
        return OperatingPoint(
            logit,
            float(np.mean(validation.different < logit)),
            float(np.mean(validation.same >= logit)),
            (len(validation.different), len(validation.same)),
        )


def open_photo(photo: str | Path | PIL.Image.Image) -> tuple[str, PIL.Image.Image]:
    """Return the name of a photograph and the photograph, from its file if need be."""
    if isinstance(photo, PIL.Image.Image):
        return "photograph", loading.upright(photo)
    name = "standard input" if str(photo) == loading.STANDARD_INPUT else str(photo)
    return name, loading.load(photo)


def choose(faces: Sequence[Face], which: str | int | None, name: str) -> Face:
    """Return one of a photograph's faces.

    Args:
        faces: all of them, the largest first.
        which: "largest", a number from 1, or None where there is one only.
        name: of the photograph, for messages.

    Raises:
        FaceError: there is none, or there are several to choose from.
        InputError: there is none of that number.
    """
    if not faces:
        raise FaceError(
            f"{name}: no face was found; a face must be seen from the front and fill at least "
            f"{detection.SMALLEST:.0%} of the shorter side",
            ". A crop as LFW has it is taken as it is with --aligned (the face's square, "
            f"{REGION:g} times as wide)",
            faces,
        )
    if which is None and len(faces) > 1:
        boxes = "; ".join(
            f"{number}: {width}×{height} at {left},{top}"
            for number, (left, top, width, height) in enumerate((f.box for f in faces), start=1)
        )
        raise FaceError(
            f"{name}: {len(faces)} faces ({boxes})",
            "; choose one with --face largest or --face NUMBER",
            faces,
        )
    if which is None or which == LARGEST:
        return faces[0]
    if not isinstance(which, int) or not 1 <= which <= len(faces):
        raise InputError(f"{name}: there is no face {which}; it has 1 to {len(faces)}")
    return faces[which - 1]
