"""Trials show the people that they should, and the lowest score decides them."""

import numpy as np
import pytest

from siamese.evaluation import identification

# Person p has the images p * 100, p * 100 + 1, ...; those with p < 5 have one only.
ROWS = {f"p{p}": range(p * 100, p * 100 + (1 if p < 5 else 4)) for p in range(40)}


def test_there_are_trials_among_as_many_people_as_have_two_images() -> None:
    several = list(ROWS.items())[5:]
    assert identification.ways(ROWS) == list(identification.WAYS)
    assert identification.ways(dict(several[:12])) == [2, 5, 10]
    assert identification.ways(dict([*several[:2], ("one", range(1))])) == [2]


@pytest.mark.parametrize("ways", identification.WAYS)
def test_one_of_n_people_is_the_images_own_in_another_photograph(ways: int) -> None:
    trials = identification.trials(ROWS, ways, 400)
    assert trials.shape == (400, ways, 2)
    people = trials // 100
    assert (trials[:, :, 0] == trials[:, :1, 0]).all()  # one image a trial
    assert (people[:, 0, 0] == people[:, 0, 1]).all()
    assert (trials[:, 0, 0] != trials[:, 0, 1]).all()
    for shown in people[:, :, 1]:
        assert len(set(shown)) == ways
    assert people.min() >= 5
    assert len(set(people[:, 0, 0])) == 35  # everybody is asked for


def test_trials_repeat_and_differ_by_number_of_people() -> None:
    assert (identification.trials(ROWS, 5) == identification.trials(ROWS, 5)).all()
    two, five = identification.trials(ROWS, 2), identification.trials(ROWS, 5)
    assert (two[:, 0] != five[:, 0]).any()


def test_the_lowest_score_decides_and_a_tie_with_a_wrong_person_is_an_error() -> None:
    scores = np.array([[-1.0, 0.0, 2.0], [0.0, -1.0, 2.0], [0.0, 0.0, 1.0], [-3.0, -2.0, -2.0]])
    figures = identification.figures(scores)
    assert (figures["accuracy"], figures["chance"], figures["trials"]) == (0.5, 1 / 3, 4)
    assert figures["accuracy_low"] < 0.5 < figures["accuracy_high"]


def test_random_scores_are_correct_as_often_as_chance_says() -> None:
    scores = np.random.default_rng(0).normal(size=(100_000, 5))
    assert identification.figures(scores)["accuracy"] == pytest.approx(0.2, abs=0.005)
