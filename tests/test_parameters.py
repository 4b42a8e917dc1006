"""params.yaml is read as DVC reads it, into what the stages use."""

import dataclasses
import re
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import parse_yaml
from dvc.utils.serialize._yaml import YAMLError
from hypothesis import given
from hypothesis import strategies as st

from siamese import parameters
from siamese.errors import InputError

PARAMS = Path(__file__).parents[1] / "params.yaml"


def test_the_committed_file_is_read() -> None:
    params = parameters.read(PARAMS)
    assert params.dataset == "lfw-deepfunneled"
    assert params.scheduler_settings == {"learning_rate": 0.0001}
    assert params.recipe == "koch"
    assert params.recipe_settings.image.channels == 1
    assert params.recipe_settings.streams == {}
    assert params.recipes["quick"].streams["gradients"] == (1.0, 0.71, 0.5)


def test_view_2_has_its_own_recipe_and_scheduler_and_is_always_person_disjoint() -> None:
    params = parameters.read(PARAMS)
    view2 = params.for_view2()
    assert (view2.recipe, view2.scheduler) == ("large", "onecycle")
    assert view2.split.person_disjoint
    assert not params.split.person_disjoint
    assert view2.split.validation == params.split.validation


def test_what_decides_a_run_leaves_out_recipes_and_schedulers_that_are_not_chosen() -> None:
    params = parameters.read(PARAMS)
    recipe = dataclasses.replace(params.recipes["quick"], batch_size=7)
    other = dataclasses.replace(params, recipes={**params.recipes, "quick": recipe})
    assert other.in_use() == params.in_use()
    chosen = dataclasses.replace(other, recipe="quick")
    assert chosen.in_use()["recipe_settings"]["batch_size"] == 7


ODD = (
    *("6e-05", "1e-4", "1E-3", "0.00006", "1.", "+1", "-0", ".5", "-.5e3", "5e3", "0.1e+5", "e5"),
    *("0o17", "017", "-017", "08", "0x1F", "+0x1f", "0b101", "1_000", "1_0.5e3", "1:30", "1.2.3"),
    *("yes", "no", "on", "off", "y", "N", "True", "TRUE", "tRue", "~", "null", "NULL", "nULL", ""),
    *(".inf", "-.INF", "+.inf", ".nan", ".NaN", "inf", "nan", "=", "'1e-4'", '"yes"', "<<"),
    *("[1, 3, 5]", "{a: 1}", "!!str 1", "!!int '3'", "!!float 1", "# nothing", "&x 1", "*x", "!!"),
    *("{a: 1, a: 2}", "- 1", "@", "`", "a: b", "|\n  text", "{", "[1,", '"'),
)


@pytest.mark.parametrize("value", ODD)
def test_values_mean_what_they_mean_to_dvc(value: str) -> None:
    text = f"key: {value}\n"
    try:
        expected = repr(parse_yaml(text, "params.yaml"))
    except YAMLError:
        with pytest.raises(InputError, match=r"^params\.yaml: not YAML: "):
            parameters.parse(text, "params.yaml")
    else:
        assert repr(parameters.parse(text, "params.yaml")) == expected


NUMBER = st.from_regex(r"[-+]?[0-9_]{0,3}\.?[0-9_]{0,3}([eE][-+]?[0-9]{1,2})?", fullmatch=True)


@given(NUMBER)
def test_numbers_mean_what_they_mean_to_dvc(value: str) -> None:
    text = f"key: {value}\n"
    try:
        expected = repr(parse_yaml(text, "params.yaml"))
    except (YAMLError, ValueError):
        with pytest.raises(InputError):
            parameters.parse(text, "params.yaml")
    else:
        assert repr(parameters.parse(text, "params.yaml")) == expected


def test_a_date_is_text_since_no_key_takes_one() -> None:
    assert parameters.parse("key: 2015-07-10", "params.yaml") == {"key": "2015-07-10"}


@pytest.mark.parametrize("number", ["6e-05", "1e-4", "0.00006", "1E-3"])
def test_small_numbers_are_numbers_however_they_are_written(number: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    text = PARAMS.read_text(encoding="utf-8")
    path.write_text(re.sub("weight_decay: 0.0005", f"weight_decay: {number}", text))
    assert parameters.read(path).recipes["contrastive"].weight_decay == float(number)


def test_a_key_given_twice_is_refused_with_its_line() -> None:
    with pytest.raises(InputError, match=r"the key 'seed' is given twice.*line 1"):
        parameters.parse("seed: 1\nseed: 2\n", "params.yaml")


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_read_or_ends_in_one_line(text: str) -> None:
    try:
        parameters.build(parameters.parse(text, "params.yaml"), "params.yaml")
        message = "accepted"
    except InputError as complaint:
        message = str(complaint)
    assert len(message.splitlines()) == 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"params\.yaml is missing; run from the folder"):
        parameters.read(tmp_path / "params.yaml")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(b"seed: \xff")
    with pytest.raises(InputError, match=r"params\.yaml: not UTF-8 text at byte 6"):
        parameters.read(path)


def test_a_stage_by_hand_on_a_file_that_was_not_checked_ends_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS.read_text(encoding="utf-8").replace("crop: 250", "crops: 250"))
    with pytest.raises(InputError, match=r"'crops'; `dvc repro check` names the key$"):
        parameters.read(path)


def test_comments_survive_that_dvc_rewrites_the_file(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS.read_text(encoding="utf-8"), encoding="utf-8")
    for changes in (
        ["seed=1", "recipes.koch.batch_size=16"],
        ["recipes.quick.streams.hue=[0.9,0.8]", "schedulers.multistep.milestones=[2]"],
        ["recipes.contrastive.streams.fisher=[]", "dataset=synthetic", "split.validation=0.2"],
    ):
        apply_overrides(path, changes)

    def comments(text: str) -> list[str]:
        return [line.strip() for line in text.splitlines() if "#" in line]

    assert comments(path.read_text("utf-8")) == comments(PARAMS.read_text("utf-8"))
    params = parameters.read(path)
    assert params.recipes["quick"].streams["hue"] == (0.9, 0.8)
    assert params.recipes["koch"].batch_size == 16


def test_parameters_edited_while_a_stage_ran_are_refused() -> None:
    params = parameters.read(PARAMS)
    other = dataclasses.replace(params, scheduler="step")
    unrelated = dataclasses.replace(params, view2=parameters.View2("quick", "onecycle"))
    parameters.refuse_edited(params, unrelated, PARAMS)
    with pytest.raises(InputError, match=r"params\.yaml was edited while training ran"):
        parameters.refuse_edited(params, other, PARAMS)


def test_a_value_that_is_its_keys_default_does_not_make_another_run() -> None:
    params = parameters.read(PARAMS)
    used = params.in_use()
    assert "second_sigmoid" not in used["recipe_settings"]
    assert "variant" not in used["recipe_settings"]
    assert "validate_on" not in used["split"]
    recipe = dataclasses.replace(
        params.recipes["koch"], variant=parameters.Variant(scaling="bytes"), second_sigmoid=True
    )
    changed = dataclasses.replace(params, recipes={**params.recipes, "koch": recipe}).in_use()
    assert changed["recipe_settings"]["variant"] == {"scaling": "bytes"}
    assert changed["recipe_settings"]["second_sigmoid"] is True


def test_the_people_decide_a_run_on_a_folder_only_whose_place_no_figure_tells() -> None:
    params = parameters.read(PARAMS)
    assert "people" not in params.in_use()
    own = dataclasses.replace(params, dataset="folder", folder="/home/me/people/")
    assert own.in_use()["people"] == dataclasses.asdict(params.people)
    assert "/home" not in str(own.in_use())
    assert parameters.folder_name(own.folder) == "people"
    assert parameters.folder_name("../x/people.zip") == "people.zip"


def test_only_a_run_of_several_processes_says_how_many() -> None:
    params = parameters.read(PARAMS)
    assert params.processes == 1
    assert "processes" not in params.in_use()
    several = dataclasses.replace(params, processes=2)
    assert several.in_use() == params.in_use() | {"processes": 2}
    assert several.for_view2() == params.for_view2()
