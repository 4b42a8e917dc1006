"""A model card says what the network was trained on, and claims nothing of other data."""

import dataclasses

import pytest

from made_up import ROOT, variant
from siamese import parameters
from siamese.networks.model_file import Settings
from siamese.parameters import Parameters
from siamese.reports import card

PARAMS = parameters.read(ROOT / "params.yaml")


def text(params: Parameters, ways: int = 20) -> str:
    settings = Settings.of(params.recipe_settings, 0.0)
    made = variant(0.7)
    figures = {"accuracy_at_threshold_low": 0.6, "accuracy_at_threshold_high": 0.8}
    evaluation = {name: made["evaluation"][name] | figures for name in ("val", "test")}
    trials = {f"{n}_way": {"accuracy": n / 100} for n in (2, 5, 10, 20) if n <= ways}
    return card.text(
        params,
        settings,
        {"learned_images": 1234, "learned_people": 56},
        made["train"],
        evaluation | {"threshold": 0.4, "one_shot": trials},
    )


@pytest.mark.parametrize("recipe", ["koch", "quick"])
def test_a_card_of_a_folder_claims_nothing_of_lfw(recipe: str) -> None:
    own = dataclasses.replace(PARAMS, dataset="folder", folder="/home/me/people", recipe=recipe)
    written = text(own, ways=5)
    for name in ("LFW", "lfw", "Labeled", "View 1", "pairsDevTrain", "press photographs", "/home"):
        assert name not in written
    assert "folder, people: 1,234 images of 56 people" in written
    assert "One of 5 people, each known by one image, is recognised in\n5.0% of" in written
    crop = own.recipe_settings.image.crop
    assert f"square of {crop / 250:.0%} of a photograph's shorter side" in written


def test_a_card_of_lfw_has_its_authors_words() -> None:
    written = text(PARAMS)
    for words in (
        *("Labeled Faces in the Wild, deep-funneled: View 1", "pixels of LFW's 250×250"),
        *("Technical\nReport 07-49", "As LFW's authors tell", "any\ncommercial purpose"),
        "One of 20 people",
    ):
        assert words in written, words
