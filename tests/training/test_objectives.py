"""What is learned from: pairs as listed, or people's names."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from siamese.dataset.pairs import PairRows
from siamese.dataset.people import ImagesOfPeople
from siamese.evaluation.verification import cross_entropy, second_sigmoid_loss
from siamese.networks.ensemble import Ensemble
from siamese.networks.scoring import score_pairs
from siamese.parameters import Recipe
from siamese.training import objectives
from siamese.training.augmentation import AUGMENTATIONS
from siamese.training.objectives import (
    IMAGES_OF_ONE,
    TEMPERATURE,
    ContrastiveObjective,
    PairObjective,
)
from small_runs import PARAMS, TRAINING, faces, small_koch
from small_runs import PEOPLE as FEW

# Ten people with 2 to 6 images, five with one.
PEOPLE = np.repeat(np.arange(15), [2, 3, 4, 5, 6, 2, 3, 4, 5, 6, 1, 1, 1, 1, 1])
ROWS = np.random.default_rng(0).permutation(len(PEOPLE))


def contrastive(
    batch_size: int = 4, people: NDArray[np.int64] = PEOPLE, rows: NDArray[np.int64] = ROWS
) -> ContrastiveObjective:
    images = torch.randint(0, 256, (len(PEOPLE), 32, 32), dtype=torch.uint8)
    examples = ImagesOfPeople(rows, [f"p{number:02}" for number in people])
    return ContrastiveObjective(images, examples, batch_size, None)


def test_every_pair_comes_once_an_epoch() -> None:
    pairs = PairRows(rows=np.zeros((10, 2), dtype=np.int64), labels=np.arange(10) % 2)
    objective = PairObjective(torch.zeros(1, 32, 32, dtype=torch.uint8), pairs, 4, None)
    batches = list(objective.epoch(torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert len(batches) == objective.batches
    assert sorted(torch.cat(batches).tolist()) == list(range(10))


def test_the_loss_of_pairs_is_the_cross_entropy_of_their_logits() -> None:
    torch.manual_seed(0)
    network = small_koch().eval()
    objective = PairObjective(faces(), TRAINING, 4, None)
    batch = torch.tensor([0, 3, 5, 1])
    result = objective.loss(network, batch)
    first, second = (
        faces()[TRAINING.rows[batch, side]].float().unsqueeze(1) / 255 for side in (0, 1)
    )
    with torch.no_grad():
        logits = network(first, second).double()
    labels = TRAINING.labels[batch]
    losses = [math.log1p(math.exp(-z if y else z)) for z, y in zip(logits, labels, strict=True)]
    assert result.loss.item() == pytest.approx(np.mean(losses), abs=1e-5)
    assert result.correct == sum(
        (z >= 0) == y for z, y in zip(logits.tolist(), labels, strict=True)
    )
    assert result.decisions == 4


def test_a_second_sigmoid_takes_the_networks_probability_for_a_logit() -> None:
    torch.manual_seed(0)
    network = small_koch().eval()
    recipe = dataclasses.replace(PARAMS.recipes["koch"], second_sigmoid=True)
    objective = objectives.make(recipe, faces(), TRAINING)
    batch = torch.arange(6)
    scores = score_pairs(network, faces(), TRAINING.rows)
    expected = second_sigmoid_loss(scores, TRAINING.labels)
    assert objective.loss(network, batch).loss.item() == pytest.approx(expected, abs=1e-5)
    assert objective.validation_loss(scores, TRAINING.labels) == expected
    plain = PairObjective(faces(), TRAINING, 4, None)
    assert plain.validation_loss(scores, TRAINING.labels) == cross_entropy(scores, TRAINING.labels)


def test_everybody_with_several_images_comes_once_an_epoch() -> None:
    objective = contrastive()
    batches = list(objective.epoch(torch.Generator().manual_seed(0)))
    assert len(batches) == objective.batches == 3
    seen: list[int] = []
    for batch in batches:
        people, counts = np.unique(PEOPLE[batch], return_counts=True)
        several = people < 10
        assert (counts[several] >= 2).all()
        assert (counts[several] <= IMAGES_OF_ONE).all()
        assert several.sum() == (~several).sum()
        assert len(set(batch.tolist())) == len(batch)
        seen += people[several].tolist()
    assert sorted(seen) == list(range(10))


def test_a_generator_decides_the_batches() -> None:
    epochs = [
        torch.cat(list(contrastive().epoch(torch.Generator().manual_seed(seed)))).tolist()
        for seed in (0, 0, 1)
    ]
    assert epochs[0] == epochs[1] != epochs[2]


def test_nobody_needs_to_have_exactly_one_image() -> None:
    several = PEOPLE < 10
    objective = contrastive(4, PEOPLE[several], ROWS[several])
    assert (objective.size, objective.batches) == (10, 3)
    network = Ensemble(32, 1, {"residual": (1.0,)})
    seen: list[int] = []
    for batch in objective.epoch(torch.Generator().manual_seed(0)):
        people, counts = np.unique(PEOPLE[several][batch], return_counts=True)
        assert (counts >= 2).all()
        seen += people.tolist()
        result = objective.loss(objective.module(network), batch)
        assert result.loss.isfinite()
        assert result.decisions == len(batch)
    assert sorted(seen) == list(range(10))


def test_loss_is_that_of_the_paper_written_out() -> None:
    torch.manual_seed(0)
    objective = contrastive()
    network = Ensemble(32, 1, {"residual": (1.0, 0.7)})
    batch = next(objective.epoch(torch.Generator().manual_seed(0)))
    result = objective.loss(objective.module(network), batch)
    images = objective.images[ROWS[batch]].float().unsqueeze(1) / 255
    with torch.no_grad():
        both = network.embed_learned(images).double()
    people = PEOPLE[batch]
    losses, correct, decisions = [], 0, 0
    for i in range(len(batch)):
        others = [a for a in range(len(batch)) if a != i]
        same = [p for p in others if people[p] == people[i]]
        if not same:
            continue
        for z in both.unbind(dim=1):  # each stream's
            total = sum(torch.exp(z[i] @ z[a] / TEMPERATURE) for a in others)
            shares = [torch.log(torch.exp(z[i] @ z[p] / TEMPERATURE) / total) for p in same]
            losses.append(-sum(float(share) for share in shares) / len(same))
        nearest = max(others, key=lambda a: float((both[i] * both[a]).sum()))
        correct += people[nearest] == people[i]
        decisions += 1
    assert result.loss.item() == pytest.approx(np.mean(losses), abs=1e-4)
    assert (result.correct, result.decisions) == (correct, decisions)


def test_learning_by_names_separates_people() -> None:
    torch.manual_seed(0)
    objective = contrastive(batch_size=10)
    patterns = torch.randint(0, 256, (15, 32, 32))
    noise = torch.randn(len(PEOPLE), 32, 32) * 200
    objective.images[ROWS] = (patterns[PEOPLE] + noise).clamp(0, 255).byte()
    network = Ensemble(32, 1, {"residual": (1.0,)})
    optimizer = objective.optimizer(network, 1e-3, 0.0)
    order = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(8):
        for batch in objective.epoch(order):
            loss = objective.loss(objective.module(network), batch).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_closed_form_streams_are_set_from_the_images_to_learn_from() -> None:
    objective, network = contrastive(), Ensemble(32, 1, {"residual": (1.0,), "gradients": (1.0,)})
    torch.manual_seed(0)
    objective.prepare(network)
    expected = Ensemble(32, 1, {"residual": (1.0,), "gradients": (1.0,)})
    torch.manual_seed(0)
    images = objective.images[ROWS].float().unsqueeze(1) / 255
    expected.set_closed_form(images.__getitem__, torch.from_numpy(PEOPLE))
    for name in network.constants():
        assert torch.equal(network.state_dict()[name], expected.state_dict()[name]), name


def test_a_network_without_learned_embeddings_cannot_be_contrasted() -> None:
    objective, network = contrastive(), small_koch()
    with pytest.raises(TypeError, match="contrastive takes an EmbeddingNetwork; KochNetwork is no"):
        objective.prepare(network)
    with pytest.raises(TypeError, match="KochNetwork"):
        objective.module(network)


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_a_recipe_has_its_objective_batch_size_and_augmentation(augmentation: str) -> None:
    for name, kind, examples in (
        ("koch", PairObjective, TRAINING),
        ("contrastive", ContrastiveObjective, FEW),
    ):
        recipe = dataclasses.replace(PARAMS.recipes[name], augmentation=augmentation, batch_size=3)
        made = objectives.make(recipe, faces(), examples)
        assert isinstance(made, kind)
        assert made.batch_size == 3
        assert made.augment is AUGMENTATIONS[augmentation]


def of(objective: str) -> Recipe:
    return dataclasses.replace(PARAMS.recipes["koch"], objective=objective)


def test_examples_of_the_wrong_type_are_refused() -> None:
    with pytest.raises(ValueError, match="'pairs' does not learn from ImagesOfPeople"):
        objectives.make(of("pairs"), faces(), FEW)
    with pytest.raises(ValueError, match="'contrastive' does not learn from PairRows"):
        objectives.make(of("contrastive"), faces(), TRAINING)
    with pytest.raises(ValueError, match="'triplets' does not learn from PairRows"):
        objectives.make(of("triplets"), faces(), TRAINING)


class Constant(Ensemble):
    """A network that gives every image the same embedding."""

    def embed_learned(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(torch.ones(len(images), 1, 256), dim=2)


@pytest.mark.parametrize("people", [PEOPLE, np.repeat(np.arange(10), 2), np.arange(20) // 4])
@pytest.mark.parametrize("batch_size", [2, 4, 48])
def test_chance_loss_is_at_most_that_of_a_network_that_gives_one_embedding(
    people: NDArray[np.int64], batch_size: int
) -> None:
    objective = contrastive(batch_size, people, np.arange(len(people)))
    network = Constant(32, 1, {"residual": (1.0,)})
    results = [
        objective.loss(objective.module(network), batch)
        for batch in objective.epoch(torch.Generator())
    ]
    decisions = sum(result.decisions for result in results)
    loss = sum(float(result.loss) * result.decisions for result in results) / decisions
    assert objective.chance_loss <= loss + 1e-5
    assert objective.chance_loss > loss - 0.8  # three images of each person count as two


def test_nobody_with_several_images_is_no_error_before_training() -> None:
    assert contrastive(4, np.arange(5), np.arange(5)).batches == 0
