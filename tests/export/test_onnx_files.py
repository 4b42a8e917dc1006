"""Exported graphs give what the networks give, for any number of images, or are not written."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import asked
import small_runs
from siamese import parameters
from siamese.alignment.network import AlignmentNetwork
from siamese.errors import InputError
from siamese.export import onnx_files
from siamese.networks import model_file
from siamese.networks.model_file import Model, Settings
from siamese.networks.scoring import score_pairs, to_input
from siamese.parameters import Image

onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.usefixtures("denormals")

TRAINED = {"dataset": "made up"}
ALL_KINDS: dict[str, tuple[float, ...]] = {
    "residual": (1.0,),
    "gradients": (0.9,),
    "fisher": (1.0,),
    "colour": (1.0,),
    "phase": (0.9,),
    "hue": (0.7,),
    "principal": (1.0,),
}


def random_images(number: int, image: Image) -> np.ndarray[Any, np.dtype[np.uint8]]:
    shape = (number, image.size, image.size) + (() if image.grayscale else (3,))
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


def trained(settings: Settings) -> Model:
    """Return a network in which nothing that training sets is zero."""
    torch.manual_seed(1)
    network = model_file.make(settings).eval()
    for name, tensor in network.state_dict().items():
        if name.endswith(("projection", "cohort.embeddings", "basis", "mixture.means", "slopes")):
            tensor.copy_(0.1 * torch.randn(tensor.shape))
    aligner: AlignmentNetwork | None = AlignmentNetwork(
        parameters.Alignment(0.3, 0.2, 0.1, 3, 10, 8, 0.002, 2)
    )
    aligner = aligner.eval() if aligner and settings.image.align else None
    return Model(network, settings, aligner, asked.VALIDATION)


def ensemble() -> Model:
    return trained(
        Settings("ensemble", Image(160, 40, False, True), ALL_KINDS, 0.1, trained=TRAINED)
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Path, Any]:
    folder = tmp_path_factory.mktemp("onnx")
    model = ensemble()
    images = random_images(9, model.settings.image)
    rows = np.array([[0, 1], [2, 3], [4, 8], [7, 5]])
    return model, folder, onnx_files.export(model, folder, images, rows)


def test_graphs_of_every_stream_agree_with_the_network(exported: tuple[Model, Path, Any]) -> None:
    _, folder, found = exported
    assert sorted(path.name for path in folder.iterdir()) == [
        "align.onnx", "compare.onnx", "embed.onnx",
    ]  # fmt: skip
    assert found.pairs == 4
    assert max(found.embeddings, found.transforms, found.scores) < 1e-4


def test_two_photographs_are_compared_without_torch(exported: tuple[Model, Path, Any]) -> None:
    model, folder, _ = exported
    images = random_images(5, model.settings.image)
    embed, compare = (
        onnxruntime.InferenceSession(str(folder / name)) for name in ("embed.onnx", "compare.onnx")
    )
    (embeddings,) = embed.run(None, {"images": images})
    score, probability = compare.run(
        None, {"first": embeddings[:3], "second": embeddings[[3, 3, 4]]}
    )
    rows = np.array([[0, 3], [1, 3], [2, 4]])
    known = score_pairs(model.network, torch.from_numpy(images), rows)
    np.testing.assert_allclose(score, known, atol=1e-4)
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(known)), atol=1e-4)


def test_each_file_says_what_it_takes_and_where_the_threshold_is(
    exported: tuple[Model, Path, Any],
) -> None:
    _, folder, _ = exported
    for name in ("embed.onnx", "compare.onnx", "align.onnx"):
        session = onnxruntime.InferenceSession(str(folder / name))
        metadata = session.get_modelmeta().custom_metadata_map
        values = {key: json.loads(text) for key, text in metadata.items()}
        assert values["image"] == {"crop": 160, "size": 40, "grayscale": False, "align": True}
        assert values["threshold"] == 0.1
        assert values["trained"] == {"dataset": "made up"}
        assert values["false_accept_rate"] == pytest.approx(0.262, abs=0.001)
        assert values["alignment"]["iterations"] == 2


def test_even_areas_are_no_division_by_zero(exported: tuple[Model, Path, Any]) -> None:
    # A constant of 1e-8 keeps even areas from 0 / 0; onnxscript's optimizer takes it for 0.
    model, folder, _ = exported
    session = onnxruntime.InferenceSession(str(folder / "embed.onnx"))
    images = random_images(1, model.settings.image)
    images[0, 10:30, 10:30] = 128
    (embeddings,) = session.run(None, {"images": images})
    assert np.isfinite(embeddings).all()


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Path, Any]:
    """Export a network of the experiment to a folder where another one's alignment is."""
    folder = tmp_path_factory.mktemp("koch")
    settings = Settings("koch", Image(250, small_runs.SIZE, True), {}, threshold=0.1)
    torch.manual_seed(1)
    model = Model(small_runs.small_koch().eval(), settings, None, asked.VALIDATION)
    (folder / "align.onnx").write_text("of another network")
    return model, folder, onnx_files.export(model, folder)


def test_the_network_of_the_experiment_is_exported(experiment: tuple[Model, Path, Any]) -> None:
    model, folder, found = experiment
    assert sorted(path.name for path in folder.iterdir()) == ["compare.onnx", "embed.onnx"]
    assert (found.transforms, found.scores, found.pairs) == (None, None, 0)
    session = onnxruntime.InferenceSession(str(folder / "embed.onnx"))
    images = random_images(3, model.settings.image)
    (embeddings,) = session.run(None, {"images": images})
    known = model.network.embed(to_input(torch.from_numpy(images))).detach()
    np.testing.assert_allclose(embeddings, known, atol=1e-5)


def test_a_network_of_torchvision_is_exported(tmp_path: Path) -> None:
    image, name = Image(160, 32, True), "torchvision/squeezenet1_1"  # which has the fewest layers
    model = trained(Settings(name, image, {}, 0.0, objective="contrastive"))
    model.network.get_buffer("slope").fill_(-30.0)
    found = onnx_files.export(model, tmp_path, random_images(4, image), np.array([[0, 1], [2, 3]]))
    assert (found.pairs, found.transforms) == (2, None)
    assert found.scores is not None
    assert max(found.embeddings, found.scores) < 1e-4


@pytest.fixture
def model(experiment: tuple[Model, Path, Any], monkeypatch: pytest.MonkeyPatch) -> Model:
    """Return that network, to be changed; what is exported of it are the files that there are."""
    model, folder, _ = experiment

    def copy(module: object, inputs: object, results: object, path: Path, metadata: object) -> None:
        shutil.copy(folder / path.name, path)

    monkeypatch.setattr(onnx_files, "_write", copy)
    return model


def test_without_agreement_nothing_is_written(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tmp_path / "embed.onnx"
    before.write_text("an earlier one")
    right = model.network.embed
    monkeypatch.setattr(model.network, "embed", lambda images: right(images) + 1)
    with pytest.raises(InputError, match=r"differ by 1 from PyTorch's, more than 0\.0001"):
        onnx_files.export(model, tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["an earlier one"]


def test_not_a_number_is_no_agreement(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = model.network.embed
    monkeypatch.setattr(model.network, "embed", lambda images: (right(images) - 9).sqrt())
    with pytest.raises(InputError, match="differ by nan"):
        onnx_files.export(model, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_another_decision_is_no_agreement(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = model.network.compare
    # The threshold is 0.1.
    monkeypatch.setattr(model.network, "compare", lambda first, second: 0.2 - right(first, second))
    images = random_images(4, model.settings.image)
    with pytest.raises(InputError, match="decides 2 of 2 test pairs otherwise than PyTorch"):
        onnx_files.export(model, tmp_path, images, np.array([[0, 1], [2, 3]]))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(InputError, match=r"exporting needs onnxscript: pip install"):
        onnx_files.export(model, tmp_path / "new")
    assert not (tmp_path / "new").exists()
