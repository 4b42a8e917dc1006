"""A model file gives back the network and all that is needed to use it; others are refused."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from siamese import model
from siamese.errors import InputError
from siamese.network import SiameseNetwork
from siamese.parameters import NETWORKS, Image

IMAGE = Image(crop=200, size=NETWORKS["koch"], grayscale=False)


@pytest.fixture(scope="module")
def network() -> SiameseNetwork:
    torch.manual_seed(0)
    return SiameseNetwork(IMAGE.size, IMAGE.channels).eval()


def test_a_saved_network_scores_as_before(network: SiameseNetwork, tmp_path: Path) -> None:
    model.save(network, IMAGE, tmp_path / "model.safetensors")
    loaded, image = model.load(tmp_path / "model.safetensors")
    assert image == IMAGE
    assert not loaded.training
    first, second = torch.rand(2, 2, 3, IMAGE.size, IMAGE.size)
    with torch.no_grad():
        torch.testing.assert_close(loaded(first, second), network(first, second))


def test_a_network_of_several_streams_comes_back_with_them(tmp_path: Path) -> None:
    zooms = {"deep_zooms": (1.0,), "linear_zooms": (1.0, 0.7), "fisher_zooms": (0.9,)}
    image = Image(crop=112, size=32, grayscale=True, **zooms)
    torch.manual_seed(0)
    network = model.make("residual", image).eval()
    model.save(network, image, tmp_path / "model.safetensors")
    loaded, found = model.load(tmp_path / "model.safetensors")
    assert found == image
    first, second = torch.rand(2, 2, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(loaded(first, second), network(first, second))


def test_equal_networks_make_equal_files(network: SiameseNetwork, tmp_path: Path) -> None:
    for name in ("a", "b"):
        model.save(network, IMAGE, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


class Trap:
    """Writes a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def test_a_file_that_carries_code_is_refused_and_not_run(tmp_path: Path) -> None:
    path, sprung = tmp_path / "model.safetensors", tmp_path / "sprung"
    path.write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(InputError, match="not a model file"):
        model.load(path)
    assert not sprung.exists()


@pytest.mark.parametrize("damage", ["missing", "empty", "torn", "other tensors", "other network"])
def test_anything_else_is_refused_in_one_line(
    damage: str, network: SiameseNetwork, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    model.save(network, IMAGE, path)
    if damage == "missing":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "torn":
        path.write_bytes(path.read_bytes()[:-1000])
    else:
        name = "koch" if damage == "other tensors" else "facenet"
        image = '{"crop": 250, "size": 105, "grayscale": true}'
        settings = f'{{"network": "{name}", "image": {image}}}'
        save_file({"weight": torch.zeros(2)}, path, {"settings": settings})
    with pytest.raises(InputError) as complaint:
        model.load(path)
    message = str(complaint.value)
    assert message.startswith(str(path))
    assert len(message.splitlines()) == 1
