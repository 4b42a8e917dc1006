"""Faces are found where they are, also turned ones; of one face there is one square."""

import math
from collections.abc import Callable

import PIL.Image
import pytest

from siamese.lfw import drawn_faces
from siamese.photos import detection, loading
from siamese.photos.detection import Face

pytest.importorskip("cv2")
# Of the drawn faces, one that the cascade is sure of; it was made for photographs.
SURE = 20


@pytest.fixture(scope="module")
def portrait(dataset: drawn_faces.Dataset) -> PIL.Image.Image:
    """Return a drawn face that is found, 250×250."""
    names = sorted(dataset.images)
    photos = [loading.decode(dataset.images[name], name) for name in names[: 3 * SURE]]
    found = [(detection.find(photo), photo) for photo in photos]
    _, photo = max(
        (each for each in found if len(each[0]) == 1), key=lambda each: each[0][0].weight
    )
    return photo


def on_canvas(portrait: PIL.Image.Image, *places: tuple[int, int, int]) -> PIL.Image.Image:
    """Return a large photograph with the portrait at each place: left, top, side."""
    canvas = PIL.Image.new("RGB", (1200, 900), (140, 140, 140))
    for left, top, side in places:
        canvas.paste(portrait.resize((side, side)), (left, top))
    return canvas


def middle(face: Face) -> tuple[float, float]:
    return face.x, face.y


def test_a_face_is_found_where_it_is_in_a_large_photograph(portrait: PIL.Image.Image) -> None:
    [alone] = detection.find(portrait)
    [face] = detection.find(on_canvas(portrait, (700, 300, 500)))
    assert middle(face) == pytest.approx((700 + 2 * alone.x, 300 + 2 * alone.y), abs=20)
    assert face.side == pytest.approx(2 * alone.side, rel=0.15)
    left, top, width, height = face.box
    assert (left + width / 2, top + height / 2) == pytest.approx(middle(face), abs=1)


def test_several_faces_come_with_the_largest_first(portrait: PIL.Image.Image) -> None:
    faces = detection.find(on_canvas(portrait, (50, 50, 300), (600, 200, 600), (60, 500, 350)))
    assert [round(face.side / 100) for face in faces] == sorted(
        (round(face.side / 100) for face in faces), reverse=True
    )
    assert len(faces) == 3


@pytest.mark.parametrize("degrees", [-45, -20, 20, 45])
def test_a_face_that_leans_is_found_with_its_angle(portrait: PIL.Image.Image, degrees: int) -> None:
    [upright] = detection.find(portrait)
    leaning = portrait.rotate(-degrees, PIL.Image.Resampling.BILINEAR, fillcolor=(140, 140, 140))
    face = detection.find(leaning)[0]
    # A turned copy, or none for what the alignment reaches from an upright one.
    assert math.degrees(face.angle) == pytest.approx(degrees, abs=20)
    assert face.side == pytest.approx(upright.side, rel=0.25)


def test_where_there_is_no_face_there_is_none() -> None:
    for shade in ("black", "white", "gray"):
        assert detection.find(PIL.Image.new("RGB", (300, 200), shade)) == []
    assert detection.find(PIL.Image.new("RGB", (1, 1))) == []
    assert detection.find(PIL.Image.new("RGB", (3000, 2))) == []


def test_the_same_photograph_gives_the_same_squares(portrait: PIL.Image.Image) -> None:
    photo = on_canvas(portrait, (50, 50, 300), (600, 200, 600))
    assert detection.find(photo) == detection.find(photo)


@pytest.mark.parametrize(
    ("other", "share"),
    [
        (lambda f: f, 1.0),
        (lambda f: Face(f.x + 50, f.y, f.side, 0, 1), 0.5),
        (lambda f: Face(f.x, f.y, f.side / 2, 0, 1), 1.0),
        (lambda f: Face(f.x + 100, f.y, f.side, 0, 1), 0.0),
        (lambda f: Face(f.x + 50, f.y + 300, f.side, 0, 1), 0.0),
    ],
)
def test_overlap_is_the_share_of_the_smaller_square(
    other: Callable[[Face], Face], share: float
) -> None:
    face = Face(200, 200, 100, 0, 5)
    assert detection._overlap(face, other(face)) == pytest.approx(share)
    assert detection._overlap(other(face), face) == pytest.approx(share)
