"""params.yaml is checked as a whole; every complaint is one line that names the key."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from siamese import parameters
from siamese.errors import InputError

PARAMS = Path(__file__).parents[1] / "params.yaml"


def values() -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(PARAMS.read_text(encoding="utf-8")))


def changed(key: str, value: Any) -> dict[str, Any]:
    result = copy.deepcopy(values())
    *path, last = key.split(".")
    target = result
    for name in path:
        target = target[name]
    target[last] = value
    return result


def test_the_committed_file_passes() -> None:
    params = parameters.load(PARAMS)
    assert params.dataset == "lfw-deepfunneled"
    assert params.scheduler == "none"
    assert params.scheduler_settings == {"learning_rate": 0.0001}
    assert params.recipe == "koch"
    assert params.recipe_settings.image.channels == 1


def test_the_four_variants_of_the_experiment_stand_in_the_committed_file() -> None:
    schedulers = values()["schedulers"]
    assert schedulers["none"] == {"learning_rate": 0.0001}
    assert schedulers["step"] == {"learning_rate": 0.01, "step_size": 1, "gamma": 0.1}
    assert schedulers["multistep"] == {
        "learning_rate": 0.01,
        "milestones": [1, 3, 5],
        "gamma": 0.1,
    }
    assert schedulers["exponential"] == {"learning_rate": 0.01, "gamma": 0.1}


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("scheduler", "exponental", "one of none, step, multistep, exponential"),
        ("dataset", "celeba", "one of lfw-deepfunneled"),
        ("recipes.koch.batch_size", 0, "an integer from 1"),
        ("recipes.koch.batch_size", 32.0, "an integer from 1"),
        ("recipes.koch.batch_size", True, "an integer from 1"),
        ("recipes.koch.batch_size", None, "an integer from 1"),
        ("recipes.koch.weight_decay", "6e-05", "a number from 0"),
        ("recipes.koch.weight_decay", -1, "a number from 0"),
        ("recipes.koch.weight_decay", float("nan"), "a number from 0"),
        ("recipes.koch.weight_decay", float("inf"), "a number from 0"),
        ("seed", -1, "an integer from 0"),
        ("recipes.contrastive.image", 105, "a mapping of crop, size, grayscale"),
        ("recipes.koch.image.size", 31, "an integer from 32"),
        ("recipes.koch.network", "residual", "one of koch"),
        ("recipes.contrastive.objective", "pairs", "one of contrastive"),
        ("recipes.large.image.deep_zooms", [1, 0.4], "a list of shares of the image's side"),
        ("recipes.large.image.deep_zooms", [], "a list of shares of the image's side"),
        ("recipes.large.image.hue_zooms", [2], "a list of shares of the image's side"),
        ("recipes.large.image.fisher_zooms", 1.0, "a list of shares of the image's side"),
        ("recipes.large.image.grayscale", True, "false unless hue_zooms is []"),
        ("recipe", "triplet", "one of koch, contrastive"),
        ("recipes.koch.image.grayscale", 1, "true or false"),
        ("split.validation", 0, "a number from 0.01"),
        ("schedulers.none.learning_rate", "fast", "a number from 1e-09"),
        ("schedulers.multistep.milestones", [3, 1], "a list of increasing epochs"),
        ("schedulers.multistep.milestones", "1, 3", "a list of increasing epochs"),
        ("schedulers.step.gamma", 2, "a number from 1e-09 to 1"),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_what_it_takes(
    key: str, value: Any, says: str
) -> None:
    with pytest.raises(InputError) as complaint:
        parameters.check(changed(key, value))
    message = str(complaint.value)
    assert message.startswith(f"params.yaml: {key} is {value!r}; it takes {says}")
    assert "\n" not in message


def test_fisher_vectors_of_less_than_a_patch_are_refused() -> None:
    values = changed("recipes.large.image.size", 40)
    values["recipes"]["large"]["image"]["fisher_zooms"] = [1.0, 0.65]
    assert parameters.check(values)
    values["recipes"]["large"]["image"]["fisher_zooms"] = [1.0, 0.6]
    says = r"recipes.large.image.fisher_zooms is \[1.0, 0.6\]; it takes shares of size, 40 here, "
    with pytest.raises(InputError, match=says + "that are 26 pixels at least"):
        parameters.check(values)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("recipes.koch.batchsize", "batch_size"),
        ("recipes.koch.image.sizes", "size"),
        ("schedulers.cos", "cosine"),
    ],
)
def test_a_misspelt_key_is_named_with_the_nearest_one(key: str, meant: str) -> None:
    with pytest.raises(InputError, match=rf"unknown key {re.escape(key)}; did you mean .*{meant}"):
        parameters.check(changed(key, 1))


@pytest.mark.parametrize(
    "key", ["seed", "recipes.koch", "recipes.koch.image.crop", "schedulers.step.gamma"]
)
def test_a_missing_key_is_named_with_what_it_takes(key: str) -> None:
    broken = changed(key, None)
    *path, last = key.split(".")
    target = broken
    for name in path:
        target = target[name]
    del target[last]
    with pytest.raises(InputError, match=rf"params.yaml: {re.escape(key)} is missing; it takes"):
        parameters.check(broken)


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_ends_in_one_line(text: str) -> None:
    with pytest.raises(InputError) as complaint:
        parameters.parse(text, "params.yaml")
    assert len(str(complaint.value).splitlines()) == 1


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


@given(
    st.sampled_from(
        [
            *("seed", "split.validation", "scheduler", "schedulers.step", "extra"),
            *("recipe", "recipes", "recipes.koch.image", "recipes.contrastive.network"),
        ]
    ),
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner) | st.dictionaries(SCALARS.filter(lambda k: k == k), inner),
        max_leaves=8,
    ),
)
def test_any_value_either_passes_or_ends_in_one_line(key: str, value: Any) -> None:
    try:
        parameters.check(changed(key, value))
        message = "accepted"
    except InputError as complaint:
        message = str(complaint)
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("number", ["6e-05", "1e-4", "0.00006", "1E-3"])
def test_small_numbers_are_numbers_however_they_are_written(number: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    text = PARAMS.read_text(encoding="utf-8")
    path.write_text(re.sub("weight_decay: 0.0005", f"weight_decay: {number}", text))
    assert parameters.load(path).recipes["contrastive"].weight_decay == float(number)


def test_an_image_too_small_for_the_network_is_named_with_what_it_takes() -> None:
    broken = changed("recipes.koch.image.size", 64)
    with pytest.raises(
        InputError, match=r"recipes\.koch\.image\.size is 64; network koch takes .* 73"
    ):
        parameters.check(broken)
    assert parameters.check(changed("recipes.contrastive.image.size", 64))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"params\.yaml is missing"):
        parameters.load(tmp_path / "params.yaml")
