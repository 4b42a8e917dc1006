"""Faces in a photograph, found by OpenCV's cascade of Haar features.

Labeled Faces in the Wild was framed with this cascade, so that a photograph is framed as the
network's training images were. Faces that lean to a side are looked for in turned copies.

Source: Viola, Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features" (2001).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from siamese.errors import InputError

SEARCHED = 800  # pixels along the longer side of what is searched, at most
SMALLEST = 0.06  # of the shorter side, that a face fills at least; and in pixels:
SMALLEST_PIXELS = 36
STEP = 1.1  # from one size to the next
NEIGHBOURS = 5  # detections that must agree
SURE = 5.0  # the cascade's weight from which on no turned copy is searched
SURER = 3.0  # times as high a weight decides for a turned copy: a wrong turn costs more
TURNS = (-40.0, -20.0, 20.0, 40.0)  # degrees
OVERLAP = 0.3  # of two regions, from which on they are of one face


@dataclass(frozen=True)
class Face:
    """Where a face is in a photograph.

    Attributes:
        x: of the middle of its square, in pixels from the left.
        y: the same from the top.
        side: of the square, in pixels.
        angle: by which the face leans, in radians clockwise.
        weight: how sure the cascade is; comparable within a photograph only.
    """

    x: float
    y: float
    side: float
    angle: float
    weight: float

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Return left, top, width and height in pixels."""
        half = self.side / 2
        return round(self.x - half), round(self.y - half), round(self.side), round(self.side)


def find(photo: PIL.Image.Image) -> list[Face]:
    """Return the faces of a photograph, the largest first.

    Raises:
        InputError: OpenCV is not installed.
    """
    scale = min(1.0, SEARCHED / max(photo.size))
    gray = photo.convert("L")
    if scale < 1:
        size = [max(1, round(side * scale)) for side in photo.size]
        gray = gray.resize((size[0], size[1]), PIL.Image.Resampling.BILINEAR, reducing_gap=2.0)
    faces = _scan(gray, 0.0)
    if max((face.weight for face in faces), default=0.0) < SURE:
        turned = max((_scan(gray, turn) for turn in TURNS), key=_surest)
        if _surest(turned) > SURER * _surest(faces):
            faces = turned
    return by_size(
        Face(f.x / scale, f.y / scale, f.side / scale, f.angle, f.weight) for f in apart(faces)
    )


def by_size(faces: Iterable[Face]) -> list[Face]:
    """Return faces in order, the largest first."""
    return sorted(faces, key=lambda face: (-face.side, face.x, face.y))


def _surest(faces: Sequence[Face]) -> float:
    return max((face.weight for face in faces), default=0.0)


def _scan(gray: PIL.Image.Image, turn: float) -> list[Face]:
    """Return the faces that are upright in an image turned by degrees counterclockwise."""
    turned = gray
    if turn:
        turned = gray.rotate(turn, PIL.Image.Resampling.BILINEAR, expand=True, fillcolor=128)
    smallest = max(SMALLEST_PIXELS, round(SMALLEST * min(gray.size)))
    boxes, _, weights = _cascade().detectMultiScale3(
        np.ascontiguousarray(turned),
        scaleFactor=STEP,
        minNeighbors=NEIGHBOURS,
        minSize=(smallest, smallest),
        outputRejectLevels=True,
    )
    angle = math.radians(turn)
    cosine, sine = math.cos(angle), math.sin(angle)
    faces = []
    for (left, top, side, _), weight in zip(boxes, np.ravel(weights), strict=True):
        # From the turned copy's middle back to the photograph's.
        x, y = left + side / 2 - turned.width / 2, top + side / 2 - turned.height / 2
        faces.append(
            Face(
                x=float(cosine * x - sine * y) + gray.width / 2,
                y=float(sine * x + cosine * y) + gray.height / 2,
                side=float(side),
                angle=angle,
                weight=float(weight),
            )
        )
    return faces


def apart(faces: Sequence[Face]) -> list[Face]:
    """Return faces without those that lie on a surer one."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.weight):
        if all(_overlap(face, other) < OVERLAP for other in kept):
            kept.append(face)
    return kept


def _overlap(first: Face, second: Face) -> float:
    """Return the share of the smaller square that the other covers, as if both were upright."""
    reach = (first.side + second.side) / 2
    sides = (
        min(reach - abs(a - b), first.side, second.side)
        for a, b in ((first.x, second.x), (first.y, second.y))
    )
    across, down = (max(0.0, side) for side in sides)
    return across * down / min(first.side, second.side) ** 2


def opencv() -> Any:
    """Return the module of OpenCV.

    Raises:
        InputError: it is not installed.
    """
    try:
        import cv2
    except ImportError:
        raise InputError(
            'faces are found with OpenCV: pip install -e ".[photos]"; or give crops as LFW has '
            "them, with --aligned"
        ) from None
    return cv2


@cache
def _cascade() -> Any:
    cv2 = opencv()
    path = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"
    cascade = cv2.CascadeClassifier(str(path))
    if cascade.empty():
        raise InputError(f"{path}: OpenCV cannot read its cascade; it needs OpenCV 4")
    cv2.setNumThreads(1)  # more give the same faces, in an order that changes
    return cascade
