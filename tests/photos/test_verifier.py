"""An answer is symmetric and repeatable, and says how often its threshold errs."""

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from torch import Tensor

import asked
from siamese.alignment.network import AlignmentNetwork
from siamese.errors import InputError
from siamese.lfw import drawn_faces
from siamese.networks import model_file
from siamese.parameters import Alignment
from siamese.photos import detection, verifier
from siamese.photos.detection import Face
from siamese.photos.framing import REGION, frame
from siamese.photos.verifier import Verifier, choose

pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def photos(dataset: drawn_faces.Dataset) -> list[PIL.Image.Image]:
    return list(asked.portraits(dataset, 4).values())


@pytest.fixture(scope="module")
def asking() -> Verifier:
    return Verifier(asked.model())


@pytest.fixture(scope="module")
def group(photos: list[PIL.Image.Image]) -> PIL.Image.Image:
    """Return a photograph of two faces."""
    canvas = PIL.Image.new("RGB", (900, 500), (140, 140, 140))
    canvas.paste(photos[0].resize((400, 400)), (20, 50))
    canvas.paste(photos[1].resize((300, 300)), (520, 100))
    return canvas


def test_an_answer_does_not_depend_on_the_order(
    asking: Verifier, photos: list[PIL.Image.Image]
) -> None:
    there, back = asking.verify(photos[0], photos[1]), asking.verify(photos[1], photos[0])
    assert there.probability == back.probability
    assert there.first.area == back.second.area


def test_the_same_photographs_give_the_same_digits_whatever_else_is_asked(
    asking: Verifier, photos: list[PIL.Image.Image]
) -> None:
    pairs = [(a, b) for a in range(4) for b in range(4)]
    batch = {(a, b): asking.verify(photos[a], photos[b]).probability for a, b in pairs}
    fresh = Verifier(asked.model())
    for a, b in reversed(pairs):
        assert fresh.verify(photos[a], photos[b]).probability == batch[a, b]
    assert len({round(batch[a, b], 9) for a, b in pairs if a < b}) == 6


def test_a_photograph_is_the_same_person_as_itself(
    asking: Verifier, photos: list[PIL.Image.Image]
) -> None:
    answer = asking.verify(photos[0], photos[0])
    assert answer.verified
    assert answer.probability == pytest.approx(1 / (1 + math.exp(-4)), abs=1e-4)


def test_the_threshold_decides_and_its_error_rates_are_those_of_validation(
    asking: Verifier, photos: list[PIL.Image.Image]
) -> None:
    probability = asking.verify(photos[0], photos[1]).probability
    for moved, verified in ((-1e-3, True), (1e-3, False)):
        point = asking.at_probability(probability + moved)
        answer = asking.verify(photos[0], photos[1], threshold=point)
        assert answer.verified is verified
        assert answer.threshold.probability == pytest.approx(probability + moved)
    point = asking.at_probability(1 / (1 + math.exp(1)))  # the logit 1
    assert point.false_accept_rate == np.mean(asked.VALIDATION.different < 1)
    assert point.false_reject_rate == np.mean(asked.VALIDATION.same >= 1)
    assert point.pairs == (500, 500)
    assert asking.default().logit == asked.SETTINGS.threshold


def test_a_threshold_of_0_accepts_everybody_and_of_1_nobody(
    asking: Verifier, photos: list[PIL.Image.Image]
) -> None:
    for probability, verified in ((0.0, True), (1.0, False)):
        point = asking.at_probability(probability)
        assert (point.probability, point.false_accept_rate) == (probability, float(verified))
        assert asking.verify(photos[0], photos[1], threshold=point).verified is verified


@pytest.mark.parametrize("rate", [0.5, 0.1, 0.01, 0.002])
def test_a_false_accept_rate_is_kept(asking: Verifier, rate: float) -> None:
    point = asking.at_false_accept_rate(rate)
    assert point.false_accept_rate is not None
    assert rate - 1 / 500 < point.false_accept_rate <= rate


def test_thresholds_that_mean_nothing_are_refused(asking: Verifier) -> None:
    for wrong in (-0.1, 1.1, math.nan):
        with pytest.raises(InputError, match="it takes a probability, 0 to 1"):
            asking.at_probability(wrong)
    for wrong in (0.0, 1.0, math.nan):
        with pytest.raises(InputError, match="it takes a share, such as"):
            asking.at_false_accept_rate(wrong)
    with pytest.raises(InputError, match=r"cannot be measured on 500 .* it takes one from 0.002"):
        asking.at_false_accept_rate(0.001)
    with pytest.raises(InputError, match="cannot be measured on 0"):
        Verifier(asked.model(validation=None)).at_false_accept_rate(0.1)


def test_without_a_face_or_with_several_no_answer_is_made_up(
    asking: Verifier, photos: list[PIL.Image.Image], group: PIL.Image.Image
) -> None:
    blank = PIL.Image.new("RGB", (300, 300), "gray")
    with pytest.raises(InputError, match=r"no face was found; .* --aligned"):
        asking.verify(photos[0], blank)
    with pytest.raises(InputError, match=r"2 faces \(1: \d+×\d+ at \d+,\d+; 2: ") as error:
        asking.verify(group, photos[0])
    assert "--face largest or --face NUMBER" in str(error.value)
    with pytest.raises(InputError, match=r"there is no face 3; it has 1 to 2"):
        asking.verify(group, photos[0], faces=(3, None))


def test_a_face_of_several_is_chosen(
    asking: Verifier, photos: list[PIL.Image.Image], group: PIL.Image.Image
) -> None:
    largest = asking.verify(group, photos[0], faces=("largest", None))
    first, second = (asking.verify(group, photos[0], faces=(n, None)) for n in (1, 2))
    assert largest.probability == first.probability > second.probability
    assert first.first.area is not None
    assert second.first.area is not None
    assert first.first.area["x"] < 420 < second.first.area["x"]


def test_crops_are_taken_as_they_are_only_where_that_is_asked_for(
    asking: Verifier, photos: list[PIL.Image.Image]
) -> None:
    blank = PIL.Image.new("RGB", (250, 250), "gray")
    answer = asking.verify(photos[0], blank, aligned=True)
    assert answer.second.area is None
    assert 0 <= answer.probability <= 1


def test_the_json_has_the_keys_that_are_promised(
    asking: Verifier, photos: list[PIL.Image.Image]
) -> None:
    values = json.loads(json.dumps(asking.verify(photos[0], photos[1]).as_json()))
    assert list(values) == [
        *("verified", "probability", "threshold", "false_accept_rate", "false_reject_rate"),
        *("facial_areas", "model", "warnings"),
    ]
    assert values["facial_areas"]["img1"].keys() == {"x", "y", "w", "h"}
    assert values["model"] == asked.TRAINED


def test_what_makes_an_answer_uncertain_is_said(
    photos: list[PIL.Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = dataclasses.replace(asked.SETTINGS, trained={"dataset": "synthetic"})
    asking = Verifier(asked.model(settings))
    monkeypatch.setattr(verifier, "SMALL_FACE", 500)
    warnings = asking.verify(photos[0], photos[1]).warnings
    assert len(warnings) == 3
    for warning in warnings[:2]:
        assert re.search(r"the face is \d+ pixels wide", warning)
    assert "trained on drawn faces" in warnings[2]
    small = PIL.Image.new("RGB", (100, 90))
    assert "100×90 pixels" in asking.verify(small, small, aligned=True).warnings[0]


def test_a_verifier_is_loaded_from_its_file(
    asking: Verifier, photos: list[PIL.Image.Image], tmp_path: Path
) -> None:
    loaded = Verifier.load(asked.write(tmp_path))
    assert loaded.verify(*photos[:2]).as_json() == asking.verify(*photos[:2]).as_json()
    assert loaded.digest() == asking.digest()
    with pytest.raises(InputError, match=r"missing: `dvc exp run .*` makes one"):
        Verifier.load(tmp_path / "none")


def test_a_file_of_photographs_is_as_good_as_the_photograph(
    asking: Verifier, photos: list[PIL.Image.Image], tmp_path: Path
) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for path, photo in zip(paths, photos, strict=False):
        photo.save(path)
    answer = asking.verify(paths[0], str(paths[1]))
    assert answer.probability == asking.verify(*photos[:2]).probability
    assert (answer.first.name, answer.second.name) == tuple(map(str, paths))


@pytest.mark.parametrize("score", [-800.0, -3.0, 0.0, 3.0, 800.0])
def test_scores_become_probabilities_without_overflow(score: float) -> None:
    with np.errstate(over="ignore"):
        expected = float(1 / (1 + np.exp(np.float64(score))))
    assert verifier.same_probability(score) == pytest.approx(expected)


def test_choosing_among_no_faces_is_refused_whatever_is_asked() -> None:
    for which in (None, "largest", 1):
        with pytest.raises(InputError, match="no face was found"):
            choose([], which, "photo")


class Leaning(AlignmentNetwork):
    """Finds every face as leaning by 0.1 rad."""

    def forward(self, views: Tensor) -> Tensor:
        answer = torch.zeros(len(views), 4)
        answer[: len(views) // 2, 0], answer[len(views) // 2 :, 0] = 1 / 3, -1 / 3
        return answer


def test_a_photograph_is_framed_as_lfw_is_then_aligned() -> None:
    rng = np.random.default_rng(0)
    coarse = PIL.Image.fromarray(rng.integers(0, 256, (30, 30, 3)).astype(np.uint8))
    photo = coarse.resize((600, 600), PIL.Image.Resampling.BICUBIC)
    face = Face(x=250, y=320, side=2 * 250 / REGION, angle=0.0, weight=9)  # LFW at twice its size
    settings = dataclasses.replace(asked.IMAGE, size=100)
    framed = frame(photo, face, settings, None)
    expected = photo.crop((250 - 160, 320 - 160, 250 + 160, 320 + 160))
    difference = np.asarray(expected.resize((100, 100))).astype(int) - framed.pixels
    assert np.abs(difference).mean() < 4
    turned = dataclasses.replace(face, angle=-0.1)
    by_network = frame(photo, face, settings, Leaning(Alignment(iterations=1)))
    by_hand = frame(photo, turned, settings, None)
    assert np.abs(by_network.pixels.astype(int) - by_hand.pixels).mean() < 1
    assert not by_network.clamped
    assert frame(photo, face, settings, Leaning(Alignment(iterations=5))).clamped


def test_a_gray_network_sees_the_luminance() -> None:
    photo = PIL.Image.new("RGB", (300, 300), (200, 100, 50))
    gray = dataclasses.replace(asked.IMAGE, grayscale=True)
    pixels = frame(photo, None, gray, None).pixels
    assert pixels.shape == (32, 32)
    assert abs(int(pixels[0, 0]) - (0.299 * 200 + 0.587 * 100 + 0.114 * 50)) <= 1


def test_detection_needs_opencv_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "cv2", None)
    detection._cascade.cache_clear()
    with pytest.raises(InputError, match=r'pip install -e "\.\[photos\]"; or .* --aligned'):
        detection.find(PIL.Image.new("RGB", (50, 50)))
    detection._cascade.cache_clear()


def test_the_aligner_travels_with_the_network(tmp_path: Path) -> None:
    made: Any = asked.model()
    torch.manual_seed(1)
    aligner = AlignmentNetwork(Alignment(iterations=3)).eval()
    path = tmp_path / "model.safetensors"
    model_file.save(made.network, made.settings, path, aligner, made.validation)
    loaded = model_file.load_all(path)
    assert loaded.aligner is not None
    assert loaded.aligner.settings == aligner.settings
    for name, tensor in aligner.state_dict().items():
        assert torch.equal(loaded.aligner.state_dict()[name], tensor)
    assert loaded.validation is not None
    np.testing.assert_array_equal(loaded.validation.different, asked.VALIDATION.different)
    assert loaded.settings == asked.SETTINGS
