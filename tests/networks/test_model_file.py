"""A model file gives back the network and all that is needed to use it; others are refused."""

import dataclasses
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from siamese import parameters
from siamese.errors import InputError
from siamese.networks import model_file
from siamese.networks.ensemble import Ensemble
from siamese.networks.koch import KochNetwork
from siamese.networks.model_file import Settings
from siamese.parameters import Image
from siamese.rules import NETWORKS

PARAMS = parameters.read(Path(__file__).parents[2] / "params.yaml")
IMAGE = Image(crop=200, size=NETWORKS["koch"].smallest, grayscale=False)
SETTINGS = Settings("koch", IMAGE, {}, threshold=0.1)
STREAMS = {"residual": (1.0,), "gradients": (1.0, 0.7), "fisher": (0.9,)}
OF_STREAMS = Settings("ensemble", Image(112, 32, grayscale=True), STREAMS, threshold=-1 / 3)


@pytest.fixture(scope="module")
def network() -> KochNetwork:
    torch.manual_seed(0)
    return KochNetwork(IMAGE.size, IMAGE.channels).eval()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def test_a_saved_network_scores_as_before(network: KochNetwork, path: Path) -> None:
    model_file.save(network, SETTINGS, path)
    loaded, settings = model_file.load(path)
    assert settings == SETTINGS
    assert not loaded.training
    first, second = torch.rand(2, 2, 3, IMAGE.size, IMAGE.size)
    with torch.no_grad():
        torch.testing.assert_close(loaded(first, second), network(first, second))


def test_an_ensemble_comes_back_with_its_streams_and_threshold(path: Path) -> None:
    torch.manual_seed(0)
    network = model_file.make(OF_STREAMS).eval()
    assert isinstance(network, Ensemble)
    for state in network.state_dict().values():  # as after training, all of it
        if state.is_floating_point():
            state.copy_(torch.rand(state.shape) + 0.5)
    model_file.save(network, OF_STREAMS, path)
    loaded, settings = model_file.load(path)
    assert settings == OF_STREAMS
    assert isinstance(loaded, Ensemble)
    assert loaded.names == ["residual 1", "gradients 1", "gradients 0.7", "fisher 0.9"]
    assert not loaded.training
    kept = loaded.state_dict()
    assert list(kept) == list(network.state_dict())
    for name, tensor in network.state_dict().items():
        assert torch.equal(kept[name], tensor), name
    first, second = torch.rand(2, 2, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(loaded(first, second), network(first, second))


@pytest.mark.parametrize("recipe", ["koch", "contrastive"])
def test_settings_of_a_recipe_make_the_network_of_the_recipe(recipe: str) -> None:
    made = dataclasses.replace(
        PARAMS.recipes[recipe], image=dataclasses.replace(PARAMS.recipes[recipe].image, size=73)
    )
    settings = Settings.of(made, 0.25)
    assert (settings.image, settings.threshold) == (made.image, 0.25)
    shapes = []
    for each in (made, settings):
        network = model_file.make(each)
        shapes.append({name: tensor.shape for name, tensor in network.state_dict().items()})
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("threshold", [0.1, -1 / 3, 1e-300, 12345.678901234567])
def test_settings_survive_json_exactly(threshold: float) -> None:
    for settings in (SETTINGS, OF_STREAMS):
        given = dataclasses.replace(settings, threshold=threshold)
        text = json.dumps(dataclasses.asdict(given))
        assert Settings.from_json(json.loads(text)) == given


def test_equal_networks_make_equal_files(network: KochNetwork, tmp_path: Path) -> None:
    for name in ("a", "b"):
        model_file.save(network, SETTINGS, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_network_of_no_known_kind_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="unknown network 'facenet'"):
        model_file.make(dataclasses.replace(SETTINGS, network="facenet"))


class Trap:
    """Writes a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def test_a_file_that_carries_code_is_refused_and_not_run(tmp_path: Path, path: Path) -> None:
    sprung = tmp_path / "sprung"
    path.write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(InputError, match="not a model file"):
        model_file.load(path)
    assert not sprung.exists()


def assert_refused(path: Path) -> None:
    with pytest.raises(InputError) as complaint:
        model_file.load(path)
    message = str(complaint.value)
    assert message.startswith(f"{path}: not a model file of this project: ")
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("damage", ["missing", "empty", "torn", "other tensors", "no settings"])
def test_anything_else_is_refused_in_one_line(
    damage: str, network: KochNetwork, path: Path
) -> None:
    model_file.save(network, SETTINGS, path)
    if damage == "missing":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "torn":
        path.write_bytes(path.read_bytes()[:-1000])
    elif damage == "other tensors":
        settings = json.dumps(dataclasses.asdict(SETTINGS))
        save_file({"weight": torch.zeros(2)}, path, {"settings": settings})
    else:
        save_file(network.state_dict(), path)
    assert_refused(path)


def drop(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda settings: settings.pop(name)


def put(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda settings: settings.update({name: value})


@pytest.mark.parametrize(
    "change",
    [
        *(drop(name) for name in ("network", "image", "streams", "threshold")),
        put("network", "facenet"),
        put("network", "ensemble"),
        put("image", {"crop": 250, "size": 105}),
        put("image", {"crop": 250, "size": 105, "grayscale": True, "fisher_zooms": [1.0]}),
        put("image", None),
        put("streams", None),
        put("streams", {"residual": 1.0}),
        put("threshold", None),
        put("threshold", "high"),
        dict.clear,
    ],
)
def test_settings_that_lack_something_or_do_not_fit_are_refused_in_one_line(
    change: Callable[[dict[str, Any]], None], network: KochNetwork, path: Path
) -> None:
    model_file.save(network, SETTINGS, path)
    with safe_open(path, framework="pt") as file:
        settings = json.loads(file.metadata()["settings"])
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(settings)
    save_file(state, path, {"settings": json.dumps(settings)})
    assert_refused(path)


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '"koch"', "7", '{"streams": {}}'])
def test_settings_that_are_no_mapping_are_refused_in_one_line(text: str, path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, path, {"settings": text})
    assert_refused(path)


@pytest.mark.parametrize("name", ["koch", "residual"])
def test_a_file_of_the_earlier_format_is_refused_in_one_line(
    name: str, network: KochNetwork, path: Path
) -> None:
    # It held the zooms with the image, and no threshold.
    zooms = {f"{kind}_zooms": [1.0] for kind in ("deep", "linear", "fisher", "hue", "likeness")}
    image = dataclasses.asdict(IMAGE) | (zooms if name == "residual" else {})
    settings = {"network": name, "image": image}
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, path, {"settings": json.dumps(settings)})
    assert_refused(path)
