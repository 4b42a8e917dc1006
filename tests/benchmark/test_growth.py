"""Images are decoded by a process of its own, which says how long and how much memory it took."""

import pytest

from siamese.benchmark import growth
from siamese.errors import InputError


def test_each_number_of_images_has_its_time_and_memory() -> None:
    [few, more] = growth.measure([3, 400])
    assert (few["images"], more["images"]) == (3, 400)
    assert more["milliseconds"] > 0
    assert 20 < few["memory"] < 1500
    assert more["memory"] < few["memory"] + 200


def test_a_process_that_fails_ends_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "INDEX", "other.csv")  # where the process does not look
    with pytest.raises(InputError, match="ended early"):
        growth.measure([3])
