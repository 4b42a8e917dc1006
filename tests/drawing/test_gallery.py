"""The gallery shows pairs of any images, and groups without a pair."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from siamese.drawing import gallery
from siamese.drawing.gallery import ScoredPair


@pytest.mark.parametrize("shape", [(20, 20), (20, 20, 3)])
def test_gray_and_colour_images_are_shown_as_they_are(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    dark, bright = np.full(shape, 60, np.uint8), np.full(shape, 200, np.uint8)
    pair = ScoredPair((dark, bright), ("Ann_0001", "Bo_van_C_0002"), 0.25)
    gallery.draw({"same person, wrong": [pair]}, tmp_path / "gallery.png", "test")
    with Image.open(tmp_path / "gallery.png") as image:
        shades = np.asarray(image.convert("L"))
    areas = [(np.abs(shades.astype(int) - shade) <= 1).sum() for shade in (60, 200)]
    # Two squares of the same size, in the shades that were given.
    assert min(areas) > 5000
    assert min(areas) > 0.9 * max(areas)


def test_groups_of_different_sizes_are_shown_and_one_without_a_pair(tmp_path: Path) -> None:
    image = np.zeros((8, 8), np.uint8)
    pair = ScoredPair((image, image), ("Ann_0001", "Ann_0002"), 0.5)
    drawings: list[dict[str, list[ScoredPair]]] = [
        {"one": [pair] * 3, "none": []},
        {"none": []},
        {"a": [], "b": [], "c": [pair]},
    ]
    heights = []
    for groups in drawings:
        gallery.draw(groups, tmp_path / "gallery.png", "test")
        with Image.open(tmp_path / "gallery.png") as drawn:
            heights.append(drawn.height)
    # A row for each group, also where it is empty.
    assert heights[0] == 2 * heights[1]
    assert heights[2] == pytest.approx(3 * heights[1], abs=2)


def test_names_are_drawn_as_they_are_also_those_that_look_like_mathematics(
    tmp_path: Path,
) -> None:
    image = np.zeros((8, 8), np.uint8)
    pair = ScoredPair((image, image), ("A$\\frac$ {B_0001", "李 小龙_0001"), 0.5)
    gallery.draw({"one": [pair]}, tmp_path / "gallery.png", "test")
    assert (tmp_path / "gallery.png").stat().st_size > 0
