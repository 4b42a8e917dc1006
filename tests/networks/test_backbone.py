"""Networks of torchvision as twins: any of them, for either objective, pretrained or not."""

import dataclasses
import json
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import PIL.Image
import pytest
import torch
import yaml
from torchvision import models

import asked
import scripts
from siamese import machine
from siamese.dataset import tables
from siamese.dataset.people import ImagesOfPeople
from siamese.dataset.protocol import DIFFERENT, SAME, Face, Pair
from siamese.errors import InputError
from siamese.networks import backbone, model_file
from siamese.networks.backbone import (
    BACKBONES,
    EMBEDDING_SIZE,
    Backbone,
    ContrastiveBackbone,
)
from siamese.networks.contract import EmbeddingNetwork
from siamese.networks.model_file import Model, Settings
from siamese.networks.scoring import score_pairs
from siamese.parameters import Image, Recipe
from siamese.photos.verifier import Verifier
from siamese.reports import card
from siamese.training import objectives
from siamese.training.loop import train
from siamese.training.run import Run
from small_runs import PARAMS, PEOPLE, TRAINING, VALIDATION, faces

SMALL = "torchvision/shufflenet_v2_x0_5"  # which has the fewest parameters
SIZE = 32
# One of each family, with a size of image that it takes: regular networks cannot be made without
# memory, and are small here.
FAMILIES = {
    **dict.fromkeys(("alexnet", "densenet121", "squeezenet1_0", "vit_b_32", "swin_t"), 64),
    **dict.fromkeys(("mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0"), 32),
    **dict.fromkeys(("resnet18", "shufflenet_v2_x0_5", "vgg11", "convnext_tiny", "swin_v2_t"), 32),
    **{"inception_v3": 96, "googlenet": 32, "maxvit_t": 224, "regnet_y_400mf": 32},
}


def recipe(network: str = SMALL, objective: str = "contrastive", **changes: Any) -> Recipe:
    """Return the recipe of a network, with small gray images."""
    image = changes.pop("image", Image(crop=112, size=SIZE, grayscale=True))
    plain = PARAMS.recipes["resnet18"]
    return dataclasses.replace(
        *(plain,), network=network, objective=objective, image=image, augmentation="none", **changes
    )


def made(objective: str, network: str = SMALL) -> Backbone:
    """Return a network of random weights, in evaluation mode."""
    torch.manual_seed(0)
    return BACKBONES[objective](network, SIZE).eval()


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_gives_embeddings(name: str) -> None:
    size = FAMILIES[name]
    with torch.device("cpu" if name.startswith("regnet") else "meta"), torch.no_grad():
        network = backbone.build(name, size, None).eval()
        assert network(torch.zeros(2, 3, size, size)).shape == (2, EMBEDDING_SIZE)


def test_running_averages_follow_a_short_training() -> None:
    network = made("pairs", "torchvision/mnasnet0_5").train()  # its own momentum is 0.0003
    images = torch.rand(4, 1, SIZE, SIZE)
    first, normal, *_ = network.twin.get_submodule("0.layers").children()
    assert isinstance(normal, torch.nn.BatchNorm2d)
    with torch.no_grad():
        network.embed(images)
        seen = first((images.expand(-1, 3, -1, -1) - network.mean) / network.deviation)
    torch.testing.assert_close(normal.running_mean, 0.1 * seen.mean(dim=(0, 2, 3)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("objective", BACKBONES)
def test_scores_are_of_both_images_gray_or_in_colour(objective: str, channels: int) -> None:
    network = made(objective)
    if isinstance(network, ContrastiveBackbone):
        network.slope.fill_(-3.0)
    first, second = torch.rand(2, 3, channels, SIZE, SIZE)
    with torch.no_grad():
        scores = network(first, second)
        torch.testing.assert_close(network(second, first), scores)
        in_colour = network(first.expand(-1, 3, -1, -1), second.expand(-1, 3, -1, -1))
    torch.testing.assert_close(in_colour, scores)
    assert scores.shape == (3,)


def test_input_is_what_pretrained_weights_expect() -> None:
    network = made("pairs")
    images = torch.rand(2, 3, SIZE, SIZE)
    prepared = models.ShuffleNet_V2_X0_5_Weights.DEFAULT.transforms()
    with torch.no_grad():
        seen = torch.stack(
            [
                (image - torch.tensor(prepared.mean)[:, None, None])
                / torch.tensor(prepared.std)[:, None, None]
                for image in images
            ]
        )
        torch.testing.assert_close(network.embed(images), network.twin(seen))


def test_mirror_images_have_the_same_embedding_in_evaluation() -> None:
    network = made("contrastive")
    images = torch.rand(2, 1, SIZE, SIZE)
    with torch.no_grad():
        embeddings = network.embed(images)
        torch.testing.assert_close(network.embed(images.flip(3)), embeddings)
        torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(2))
        network.train()
        assert not torch.allclose(network.embed(images.flip(3)), network.embed(images))


@pytest.mark.parametrize("objective", BACKBONES)
def test_training_lowers_the_loss_and_the_best_epoch_is_found_again(
    objective: str, tmp_path: Path
) -> None:
    chosen = recipe(objective=objective, batch_size=6, max_epochs=12, patience=12)
    params = dataclasses.replace(
        PARAMS, recipe="resnet18", recipes={"resnet18": chosen}, scheduler="onecycle"
    )
    torch.manual_seed(0)
    network = model_file.make(chosen)
    assert isinstance(network, EmbeddingNetwork) is (objective == "contrastive")
    examples = TRAINING if objective == "pairs" else PEOPLE
    run = Run(network, objectives.make(chosen, faces(SIZE), examples), params)
    run.objective.prepare(network)
    epochs = list(train(run, faces(SIZE), VALIDATION))
    assert epochs[-1].train_loss < 0.7 * epochs[0].train_loss

    path = tmp_path / "model.safetensors"
    settings = Settings.of(chosen, run.best.val_threshold)
    model_file.save(network, settings, path)
    loaded, kept = model_file.load(path)
    assert kept == settings
    scores = score_pairs(loaded, faces(SIZE), VALIDATION.rows)
    assert np.unique(scores).size > 1
    np.testing.assert_allclose(scores, run.best_scores, atol=1e-5)


def test_settings_of_other_networks_lack_the_objective() -> None:
    assert Settings.of(PARAMS.recipes["contrastive"], 0.0).objective is None
    text = json.dumps(dataclasses.asdict(Settings.of(recipe(), 0.0)))
    values = json.loads(text)
    assert Settings.from_json(values).objective == "contrastive"
    del values["objective"]  # as in files of before
    assert Settings.from_json(values).objective is None


def test_a_file_of_an_unknown_network_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    settings = Settings.of(recipe("torchvision/resnet19"), 0.0)
    model_file.save(made("contrastive"), settings, path)
    with pytest.raises(InputError, match="not a model file of this project: torchvision has no"):
        model_file.load(path)


@pytest.mark.parametrize(
    ("network", "size", "says"),
    [
        (
            "torchvision/resnet81",
            64,
            "no network 'resnet81' for classification, but torchvision/re",
        ),
        ("torchvision/zzz", 64, "no network 'zzz' for classification, but torchvision/resnet18"),
        ("torchvision/fcn_resnet50", 64, "no network 'fcn_resnet50' for classification, but torch"),
        ("torchvision/alexnet", 32, "image.size is 32, which network torchvision/alexnet does not"),
        ("torchvision/inception_v3", 64, " size); it takes 96"),
    ],
)
def test_what_torchvision_lacks_or_does_not_take_is_said_before_any_work(
    network: str, size: int, says: str
) -> None:
    check = scripts.load("check")
    backbone.check(recipe())
    with pytest.raises(InputError) as complaint:
        check.check_backbone(
            recipe(network, image=Image(112, size, True)), "params.yaml: recipes.x"
        )
    message = str(complaint.value)
    assert message.startswith("params.yaml: recipes.x: ")
    assert says in message
    assert len(message.splitlines()) == 1


def test_pretrained_weights_of_one_size_take_no_other() -> None:
    chosen = recipe("torchvision/vit_b_16", pretrained=True, image=Image(112, 64, True))
    with pytest.raises(
        InputError, match=r"image\.size is 64; the pretrained weights of network torch"
    ):
        backbone.check(chosen)


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where torch's cache holds pretrained weights: here others, put there by hand."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    path = tmp_path / "torch" / "hub" / "checkpoints" / "shufflenetv2_x0.5-f707e7126e.pth"
    path.parent.mkdir(parents=True)
    torch.manual_seed(5)
    torch.save(models.shufflenet_v2_x0_5().state_dict(), path)
    return path


def test_pretrained_weights_are_those_of_torchs_cache(cached: Path) -> None:
    network = model_file.make(recipe(pretrained=True))
    weights = torch.load(cached)
    state = network.state_dict()
    for name in ("conv1.0.weight", "conv5.1.running_mean"):
        torch.testing.assert_close(state[f"twin.0.{name}"], weights[name])
    assert network.outside_data == "ImageNet-1K (ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1)"
    assert model_file.make(recipe()).outside_data is None


def test_a_model_file_is_read_without_the_weights_that_it_started_from(
    cached: Path, tmp_path: Path
) -> None:
    network = model_file.make(recipe(pretrained=True)).eval()
    path = tmp_path / "model.safetensors"
    model_file.save(network, Settings.of(recipe(pretrained=True), 0.0), path)
    cached.unlink()
    images = torch.rand(2, 1, SIZE, SIZE)
    with torch.no_grad():
        torch.testing.assert_close(model_file.load(path)[0].embed(images), network.embed(images))


@pytest.mark.parametrize("damage", ["missing", "empty", "torn"])
def test_weights_that_cannot_be_had_are_named_with_their_place(
    damage: str, cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("torch.hub.download_url_to_file", fail)
    if damage == "missing":
        cached.unlink()
    else:
        cached.write_bytes(cached.read_bytes()[: 0 if damage == "empty" else -1000])
    with pytest.raises(InputError) as complaint:
        model_file.make(recipe(pretrained=True))
    message = str(complaint.value)
    assert message.startswith(f"no pretrained weights for network {SMALL}: ")
    assert message.endswith(f"/models/{cached.name} belongs at {cached}")
    assert len(message.splitlines()) == 1


def test_two_photographs_are_compared_in_either_order() -> None:
    network = made("contrastive")
    network.get_buffer("slope").fill_(-3.0)
    asking = Verifier(Model(network, Settings.of(recipe(), 0.0), None, asked.VALIDATION))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 250, 250, 3), dtype=np.uint8)
    first, second = map(PIL.Image.fromarray, pixels)
    there, back = (
        asking.verify(*both, aligned=True) for both in ((first, second), (second, first))
    )
    assert there.probability == back.probability
    assert 0.5 < there.probability < 1


def workspace(folder: Path, chosen: Recipe) -> None:
    """Write what the stages before `train` do, of noise: six people to learn, twenty to test."""
    values = yaml.safe_load((scripts.STAGES.parent / "params.yaml").read_text("utf-8"))
    values["recipes"]["resnet18"] = dataclasses.asdict(chosen) | {"streams": {}}
    values |= {"recipe": "resnet18", "scheduler": "onecycle", "dataset": "synthetic"}
    (folder / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    data = folder / "data"
    (data / "protocol").mkdir(parents=True)
    learned = [f"Learned_{letter}" for letter in "ABCDEF"]
    tested = [f"Tested_{letter}" for letter in "ABCDEFGHIJKLMNOPQRST"]
    images = [Face(person, number) for person in [*learned, *tested] for number in (1, 2)]
    rows = {face: row for row, face in enumerate(images)}
    tables.write_index(images, data / "images.csv")
    listed = "".join(f"{person}\t2\n" for person in tested)
    (data / "protocol" / "peopleDevTest.txt").write_text(f"{len(tested)}\n{listed}")
    random = np.random.default_rng(0)
    faces = random.integers(0, 256, (len(images), SIZE, SIZE), dtype=np.uint8)
    np.save(data / "faces.npy", faces)
    for name, people in (("train", learned[:4]), ("val", learned[4:]), ("test", tested)):
        same = [Pair(Face(person, 1), Face(person, 2), SAME) for person in people]
        different = [Pair(Face(a, 1), Face(b, 1), DIFFERENT) for a, b in pairwise(people)]
        tables.write_pairs([*same, *different], rows, data / "pairs" / f"{name}.csv")
    examples = ImagesOfPeople(np.arange(8), [face.person for face in images[:8]])
    tables.write_images(examples, data / "pairs" / "images.csv")
    summary = json.dumps({"learned_images": 8, "learned_people": 4})
    (data / "dataset.json").write_text(summary, encoding="utf-8")


@pytest.mark.parametrize("objective", BACKBONES)
def test_metrics_and_card_say_that_outside_data_was_seen_and_only_then(
    objective: str, cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, evaluate = scripts.load("train"), scripts.load("evaluate")
    monkeypatch.setattr(machine, "prepare", lambda: None)  # it is for the whole process
    monkeypatch.setattr(machine, "pick_device", lambda _: torch.device("cpu"))
    pretrained = objective == "contrastive"
    folder = tmp_path / "run"
    folder.mkdir()
    workspace(folder, recipe(objective=objective, pretrained=pretrained, max_epochs=1))
    monkeypatch.chdir(folder)
    train.main()
    evaluate.main()
    card.write(Path("card.md"))
    name = "ImageNet-1K (ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1)"
    for file in ("metrics/train.json", "metrics/test.json", "data/training.json"):
        values = json.loads(Path(file).read_text("utf-8"))
        assert values.get("outside_data") == (name if pretrained else None)
    text = " ".join(Path("card.md").read_text("utf-8").split())
    assert (f"8 images of 4 people; before that, outside data: {name}" in text) is pretrained
    assert ("8 images of 4 people, and nothing else. It" in text) is not pretrained
    asking = Verifier.load(Path("data/model.safetensors"))
    assert (f"outside data {name}" in asking.training) is pretrained
