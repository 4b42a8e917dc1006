"""params.yaml is checked as a whole; every complaint is one line that names the key."""

import copy
import dataclasses
import re
import typing
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from siamese import parameters, rules
from siamese.errors import InputError
from siamese.networks.streams import KINDS
from siamese.training.augmentation import AUGMENTATIONS

PARAMS = Path(__file__).parents[1] / "params.yaml"
VALUES = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))


def changed(key: str, value: Any) -> dict[str, Any]:
    """Return the committed parameters with one value in place of another."""
    result: dict[str, Any] = copy.deepcopy(VALUES)
    *path, last = key.split(".")
    target = result
    for name in path:
        target = target[name]
    target[last] = value
    return result


def test_the_committed_file_passes() -> None:
    assert rules.check(VALUES) == parameters.read(PARAMS)


def test_the_four_variants_of_the_experiment_are_in_the_committed_file() -> None:
    schedulers = VALUES["schedulers"]
    assert schedulers["none"] == {"learning_rate": 0.0001}
    assert schedulers["step"] == {"learning_rate": 0.01, "step_size": 1, "gamma": 0.1}
    assert schedulers["multistep"] == {
        "learning_rate": 0.01,
        "milestones": [1, 3, 5],
        "gamma": 0.1,
    }
    assert schedulers["exponential"] == {"learning_rate": 0.01, "gamma": 0.1}


def test_every_value_that_a_stage_reads_has_a_range() -> None:
    for kind, known in rules.RULES.items():
        names = {field.name for field in dataclasses.fields(kind)}
        assert known.keys() <= names
        hints = typing.get_type_hints(kind)
        plain = {name for name in names if hints[name] in (str, int, float, bool, str | None)}
        # The name of a recipe is compared with those in the file.
        assert plain - {"recipe"} == known.keys() - {"recipe"}, kind


def test_the_choices_are_those_of_the_code() -> None:
    augmentation = rules.RULES[parameters.Recipe]["augmentation"]
    assert augmentation.takes == "one of " + ", ".join(AUGMENTATIONS)


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
        ("processes", 0, "an integer from 1"),
        ("processes", 33, "recipes.koch.batch_size at most, 32 here"),
        ("recipes.contrastive.image", 105, "a mapping of crop, size, grayscale"),
        ("recipes.koch.image.size", 31, "an integer from 32"),
        ("recipes.koch.network", "residual", "one of koch, ensemble, or torchvision/NAME, such"),
        ("recipes.koch.network", "resnet18", "one of koch, ensemble, or torchvision/NAME, such"),
        ("recipes.resnet18.network", "torchvision/", "one of koch, ensemble, or torchvision/NAME"),
        ("recipes.resnet18.network", "torchvision/a b", "one of koch, ensemble, or torchvision/"),
        ("recipes.resnet18.network", ["koch"], "one of koch, ensemble, or torchvision/NAME"),
        ("recipes.resnet18.pretrained", "IMAGENET1K_V1", "true or false"),
        ("recipes.contrastive.streams.residual", [1, 0.4], "a list of shares of the image's side"),
        ("recipes.contrastive.streams.hue", [2], "a list of shares of the image's side"),
        ("recipes.contrastive.streams.fisher", 1.0, "a list of shares of the image's side"),
        ("recipes.contrastive.streams", [1.0], "a mapping of residual, gradients"),
        ("recipes.contrastive.image.grayscale", True, "false unless streams.colour is []"),
        ("recipe", "triplet", "one of koch, contrastive"),
        ("view2.recipe", "triplet", "one of koch, contrastive"),
        ("recipes", {}, "a mapping of recipes by name"),
        ("recipes.koch.image.grayscale", 1, "true or false"),
        ("split.validation", 0, "a number from 0.01"),
        ("folder", 7, "the path of a folder"),
        ("folder", " ", "the path of a folder"),
        ("people.test", 0.6, "a number from 0.05 to 0.5"),
        ("people.folds", 11, "an integer from 2 to 10"),
        ("people.rejected", "all", "a number from 0 to 1"),
        ("split.validate_on", "train", "one of held_out, training, test"),
        ("recipes.koch.second_sigmoid", "yes", "true or false"),
        ("recipes.koch.variant.scaling", "bits", "one of unit, bytes, standardised"),
        ("recipes.koch.variant.normalisation", None, "one of before_relu, after_relu"),
        ("recipes.koch.variant.initialisation", 1, "one of torch, koch"),
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
        rules.check(changed(key, value))
    message = str(complaint.value)
    assert message.startswith(f"params.yaml: {key} is {value!r}; it takes {says}")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("recipes.koch.network", "ensemble", "objective is 'pairs'; network ensemble takes contr"),
        ("recipes.quick.objective", "pairs", "objective is 'pairs'; network ensemble takes contr"),
        ("recipes.koch.streams", {"hue": [0.8]}, "only an ensemble has streams"),
        ("recipes.quick.streams.residual", [], "at least one learned stream (residual)"),
        ("recipes.koch.image.size", 64, "size is 64; network koch takes an integer from 73"),
        ("recipes.koch.pretrained", True, "pretrained is True; only networks of torchvision take"),
        ("recipes.resnet18.streams", {"hue": [0.8]}, "only an ensemble has streams"),
        ("recipes.resnet18.second_sigmoid", True, "second_sigmoid is True; only network koch tak"),
        ("recipes.quick.second_sigmoid", True, "second_sigmoid is True; only network koch takes"),
        ("recipes.quick.variant", {"scaling": "bytes"}, "only network koch takes it"),
    ],
)
def test_values_that_do_not_fit_together_are_named(key: str, value: Any, says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)):
        rules.check(changed(key, value))


def test_a_network_of_torchvision_takes_either_objective_and_is_found_where_it_is_used() -> None:
    values = changed("recipes.resnet18.objective", "pairs")
    assert rules.of_torchvision(rules.check(values)) == {}
    values["recipe"] = "resnet18"
    assert rules.of_torchvision(rules.check(values)).keys() == {"resnet18"}
    values["view2"]["recipe"] = "resnet18"
    assert rules.of_torchvision(rules.check(values | {"recipe": "koch"})).keys() == {"resnet18"}


def test_people_held_out_are_never_learned_from() -> None:
    values = changed("split.validate_on", "training")
    assert rules.check(values).split.validate_on == "training"
    values["recipe"] = "quick"
    with pytest.raises(InputError, match=r"split\.validate_on is 'training'; recipe quick, which"):
        rules.check(values)


def test_keys_with_a_default_may_be_left_out() -> None:
    values = copy.deepcopy(VALUES)
    del values["split"]["validate_on"]
    del values["recipes"]["koch"]["second_sigmoid"]
    del values["recipes"]["koch"]["variant"]["scaling"]
    assert rules.check(values) == rules.check(VALUES)


def test_streams_may_be_left_out_but_for_the_learned_ones() -> None:
    values = changed("recipes.quick.streams", {"residual": [1.0]})
    assert rules.check(values).recipes["quick"].streams == {"residual": (1.0,)}


def test_streams_that_see_less_than_they_need_are_refused() -> None:
    values = changed("recipes.contrastive.image.size", 40)
    values["recipes"]["contrastive"]["streams"]["fisher"] = [1.0, 0.65]
    assert rules.check(values)
    values["recipes"]["contrastive"]["streams"]["fisher"] = [1.0, 0.6]
    says = r"streams.fisher is \[1.0, 0.6\]; it takes shares of size, 40 here, that are "
    with pytest.raises(InputError, match=says + f"at least {KINDS['fisher'].smallest} pixels"):
        rules.check(values)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("recipes.koch.batchsize", "did you mean recipes.koch.batch_size?"),
        ("recipes.koch.image.sizes", "did you mean recipes.koch.image.size?"),
        ("recipes.quick.streams.fischer", "did you mean recipes.quick.streams.fisher?"),
        ("schedulers.cosin", "did you mean schedulers.cosine?"),
        ("lr", "did you mean schedulers.NAME.learning_rate, of the scheduler in use?"),
        ("learning_rate", "did you mean schedulers.NAME.learning_rate, of the scheduler in use?"),
        ("epochs", "did you mean recipes.NAME.max_epochs, of the recipe in use?"),
        ("batch_size", "did you mean recipes.NAME.batch_size, of the recipe in use?"),
        ("zzz", "it takes dataset, seed, deterministic"),
        ("recipes.koch.zzz", "it takes network, objective"),
    ],
)
def test_an_unknown_key_is_named_with_a_near_one_if_there_is_one(key: str, hint: str) -> None:
    with pytest.raises(InputError) as complaint:
        rules.check(changed(key, 1))
    assert str(complaint.value).startswith(f"params.yaml: unknown key {key}; {hint}")


@pytest.mark.parametrize(
    "key", ["seed", "recipes.koch", "recipes.koch.image.crop", "schedulers.step.gamma", "split"]
)
def test_a_missing_key_is_named(key: str) -> None:
    broken = changed(key, None)
    *path, last = key.split(".")
    target = broken
    for name in path:
        target = target[name]
    del target[last]
    says = f"{key} is missing" if key != "recipes.koch" else "recipe is 'koch'; it takes one of con"
    with pytest.raises(InputError, match=rf"params.yaml: {re.escape(says)}"):
        rules.check(broken)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


@given(
    st.sampled_from(
        [
            *("seed", "split.validation", "scheduler", "schedulers.step", "extra", "view2"),
            *("recipe", "recipes", "recipes.koch.image", "recipes.contrastive.network"),
            *("recipes.contrastive.streams", "recipes.contrastive.streams.hue", "recipes.koch"),
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
        rules.check(changed(key, value))
        message = "accepted"
    except InputError as complaint:
        message = str(complaint)
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("recipe", "scheduler", "remarked"),
    [
        ("koch", "none", False),
        ("koch", "onecycle", False),
        ("contrastive", "onecycle", False),
        ("contrastive", "none", True),
        ("quick", "step", True),
    ],
)
def test_a_scheduler_that_does_not_suit_the_recipe_is_remarked_on_with_one_that_does(
    recipe: str, scheduler: str, remarked: bool
) -> None:
    params = dataclasses.replace(parameters.read(PARAMS), recipe=recipe, scheduler=scheduler)
    remark = rules.remark(params)
    assert (remark is not None) is remarked
    if remark:
        assert f"recipe {recipe}" in remark
        assert f"scheduler {scheduler} (learning rate " in remark
        assert remark.endswith("-S scheduler=onecycle")


def test_a_folder_is_needed_by_its_dataset_and_remarked_on_beside_another() -> None:
    with pytest.raises(InputError, match="folder is None; dataset folder takes the path of a fo"):
        rules.check(changed("dataset", "folder"))
    values = changed("folder", "/people")
    assert "-S dataset=folder" in str(rules.unused(rules.check(values)))
    assert rules.unused(rules.check(values | {"dataset": "folder"})) is None
    assert rules.unused(rules.check(VALUES)) is None
