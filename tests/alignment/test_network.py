"""Estimates are averaged, repeated and clamped; other files than its own are refused."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from siamese import parameters
from siamese.alignment import network, transforms
from siamese.alignment.network import AlignmentNetwork
from siamese.errors import InputError
from siamese.networks import model_file
from siamese.networks.koch import KochNetwork
from siamese.parameters import Alignment, Image

SETTINGS = Alignment()
IMAGES = torch.randint(0, 256, (5, 125, 125), generator=torch.Generator().manual_seed(0)).byte()


class Knowing(AlignmentNetwork):
    """Returns the same displacement for any view, its mirror image for a mirrored one."""

    def __init__(self, answer: list[float], settings: Alignment = SETTINGS) -> None:
        super().__init__(settings)
        self.answer = torch.tensor([answer]) / self.limits

    def forward(self, views: Tensor) -> Tensor:
        half = len(views) // 2
        direct = self.answer.expand(half, -1)
        return torch.cat([direct, transforms.mirror(direct)])


@pytest.fixture
def new() -> AlignmentNetwork:
    torch.manual_seed(0)
    return AlignmentNetwork(SETTINGS).eval()


def test_an_estimate_is_undone(new: AlignmentNetwork) -> None:
    answer = [0.1, -0.05, 0.04, 0.02]
    once = Knowing(answer, dataclasses.replace(SETTINGS, iterations=1))
    found, clamped = once.align(IMAGES)
    undone = transforms.compose(found, torch.tensor([answer]).expand(5, -1))
    torch.testing.assert_close(undone, torch.zeros(5, 4), atol=1e-6, rtol=0)
    assert not clamped.any()


def test_iterations_add_up_and_the_range_ends_them() -> None:
    answer = [0.1, 0.0, 0.0, 0.0]
    for iterations, angle, outside in ((1, -0.1, False), (2, -0.2, False), (5, -0.3, True)):
        settings = dataclasses.replace(SETTINGS, iterations=iterations)
        found, clamped = Knowing(answer, settings).align(IMAGES)
        torch.testing.assert_close(found[:, 0], torch.full((5,), angle))
        assert clamped.tolist() == [outside] * 5


def test_the_range_counts_from_where_the_alignment_starts() -> None:
    start = torch.tensor([[0.7, 0.0, 0.0, 0.0]]).expand(5, -1)
    found, clamped = Knowing([0.1, 0.0, 0.0, 0.0]).align(IMAGES, start)
    torch.testing.assert_close(found[:, 0], torch.full((5,), 0.5))
    assert not clamped.any()


def test_a_mirrored_image_gets_the_mirrored_transform(new: AlignmentNetwork) -> None:
    found = new.align(IMAGES).transforms
    mirrored = new.align(IMAGES.flip(2)).transforms
    torch.testing.assert_close(transforms.mirror(mirrored), found, atol=1e-5, rtol=0)


def test_light_and_contrast_do_not_matter(new: AlignmentNetwork) -> None:
    dim = (IMAGES.float() * 0.5 + 40).byte()
    torch.testing.assert_close(
        new.align(dim).transforms, new.align(IMAGES).transforms, atol=0.01, rtol=0
    )


def test_an_even_image_gets_a_transform_of_finite_numbers(new: AlignmentNetwork) -> None:
    found = new.align(torch.full((1, 125, 125), 77, dtype=torch.uint8))
    assert found.transforms.isfinite().all()


def test_many_images_are_aligned_as_few_are(
    new: AlignmentNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = new.align(IMAGES).transforms
    monkeypatch.setattr(network, "BATCH", 2)
    torch.testing.assert_close(new.align(IMAGES).transforms, together, atol=1e-5, rtol=0)


def test_a_saved_network_aligns_as_before(new: AlignmentNetwork, tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    network.save(new, path)
    loaded = network.load(path)
    assert loaded.settings == SETTINGS
    assert not loaded.training
    assert torch.equal(loaded.align(IMAGES).transforms, new.align(IMAGES).transforms)
    network.save(loaded, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_a_file_of_another_kind_is_refused(new: AlignmentNetwork, tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(b"not tensors")
    files = [path, tmp_path / "missing"]
    koch = parameters.read(Path(__file__).parents[2] / "params.yaml").recipes["koch"]
    image = Image(100, 73, grayscale=True)
    settings = model_file.Settings.of(dataclasses.replace(koch, image=image), 0.0)
    model_file.save(KochNetwork(73), settings, tmp_path / "koch")
    files.append(tmp_path / "koch")
    state = new.state_dict()
    good = {"network": "alignment", "alignment": dataclasses.asdict(SETTINGS)}
    for name, settings_ in (
        ("none", None),
        ("list", []),
        ("unknown", good | {"alignment": {"zoom": 1}}),
        ("kind", good | {"network": "koch"}),
    ):
        metadata = None if settings_ is None else {"settings": json.dumps(settings_)}
        save_file(state, tmp_path / name, metadata)
        files.append(tmp_path / name)
    del state["layers.0.weight"]
    save_file(state, tmp_path / "part", {"settings": json.dumps(good)})
    for file in [*files, tmp_path / "part"]:
        with pytest.raises(InputError, match=rf"{file.name}: not an alignment network") as error:
            network.load(file)
        assert len(str(error.value).splitlines()) == 1
