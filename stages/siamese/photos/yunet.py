"""Faces in a photograph, found by YuNet, whose file the user brings.

It finds faces that the cascade misses: from the side, partly covered, leaning. It also finds the
eyes; a face's square is put where the cascade's would be, since the networks know faces framed so.

Source: Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector" (2023); the file is
face_detection_yunet_2023mar.onnx of OpenCV's model zoo.
"""

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from siamese.errors import InputError
from siamese.photos.detection import Face, apart, by_size, opencv

# Pixels along the longer side of what is searched. YuNet finds faces of 10 to 300 pixels.
SEARCHED = (320, 960)
SURE = 0.9  # the score from which on something is a face; OpenCV's default
# Where the eyes are in the cascade's square, in its sides: medians of 300 of LFW's original images,
# the eyes found by OpenCV's cascade for eyes.
BETWEEN_EYES = 0.353
EYES_ABOVE_MIDDLE = 0.105


class YuNet:
    """YuNet from a file.

    Args:
        path: of the ONNX file.

    Raises:
        InputError: the file is missing or is no YuNet, or OpenCV is not installed.
    """

    def __init__(self, path: Path) -> None:
        cv2 = opencv()
        try:
            content = path.read_bytes()
            self.detector: Any = cv2.FaceDetectorYN.create(str(path), "", (320, 320), SURE)
        except cv2.error as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(f"{path}: OpenCV cannot read it as YuNet: {reason}") from None
        self.path = path
        self.digest = hashlib.sha256(content).hexdigest()

    def find(self, photo: PIL.Image.Image) -> list[Face]:
        """Return the faces of an RGB photograph, the largest first."""
        scales = {min(1.0, side / max(photo.size)) for side in SEARCHED}
        return by_size(apart([face for scale in scales for face in self._scan(photo, scale)]))

    def _scan(self, photo: PIL.Image.Image, scale: float) -> list[Face]:
        width, height = (max(1, round(side * scale)) for side in photo.size)
        small = photo.convert("RGB").resize((width, height), PIL.Image.Resampling.BILINEAR)
        self.detector.setInputSize((width, height))
        try:
            _, rows = self.detector.detect(np.ascontiguousarray(np.asarray(small)[:, :, ::-1]))
        except opencv().error as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(f"{self.path}: OpenCV cannot run it as YuNet: {reason}") from None
        return [] if rows is None else [_face(row, scale) for row in rows.astype(float)]


def _face(row: Any, scale: float) -> Face:
    """Return the face of what YuNet gives: box (4), eyes, nose and mouth (10), score (1)."""
    (x, y), (other_x, other_y) = sorted(row[4:8].reshape(2, 2).tolist())
    right, down = other_x - x, other_y - y
    side = math.hypot(right, down) / BETWEEN_EYES
    angle = math.atan2(down, right)
    below = EYES_ABOVE_MIDDLE * side
    return Face(
        x=((x + other_x) / 2 - math.sin(angle) * below) / scale,
        y=((y + other_y) / 2 + math.cos(angle) * below) / scale,
        side=side / scale,
        angle=angle,
        weight=float(row[14]),
    )
