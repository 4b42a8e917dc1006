"""What is learned from: pairs as listed, or people's names."""

import numpy as np
import pytest
import torch

from siamese.objectives import IMAGES_OF_ONE, TEMPERATURE, ContrastiveObjective, PairObjective
from siamese.pairs import PairRows
from siamese.residual import ResidualNetwork

# Ten people with 2 to 6 images, five with one.
PEOPLE = np.repeat(np.arange(15), [2, 3, 4, 5, 6, 2, 3, 4, 5, 6, 1, 1, 1, 1, 1])
ROWS = np.random.default_rng(0).permutation(len(PEOPLE))


def contrastive(batch_size: int = 4) -> ContrastiveObjective:
    faces = torch.randint(0, 256, (len(PEOPLE), 32, 32), dtype=torch.uint8)
    return ContrastiveObjective(
        faces, ROWS, [f"p{number:02}" for number in PEOPLE], batch_size, None
    )


def test_every_pair_comes_once_an_epoch() -> None:
    pairs = PairRows(rows=np.zeros((10, 2), dtype=np.int64), labels=np.arange(10) % 2)
    objective = PairObjective(torch.zeros(1, 32, 32, dtype=torch.uint8), pairs, 4, None)
    batches = list(objective.epoch(torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert len(batches) == objective.batches
    assert sorted(torch.cat(batches).tolist()) == list(range(10))


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


def test_loss_is_that_of_the_paper_written_out() -> None:
    torch.manual_seed(0)
    objective = contrastive()
    network = ResidualNetwork(32, deep_zooms=(1.0, 0.7))
    batch = next(objective.epoch(torch.Generator().manual_seed(0)))
    judged = objective.judge(network, batch)
    images = objective.faces[ROWS[batch]].float().unsqueeze(1) / 255
    with torch.no_grad():
        both = network.learned(images).double()
    people = PEOPLE[batch]
    losses, right, answers = [], 0, 0
    for i in range(len(batch)):
        others = [a for a in range(len(batch)) if a != i]
        same = [p for p in others if people[p] == people[i]]
        if not same:
            continue
        for z in both.chunk(2, dim=1):  # each stream's
            total = sum(torch.exp(z[i] @ z[a] / TEMPERATURE) for a in others)
            shares = [torch.log(torch.exp(z[i] @ z[p] / TEMPERATURE) / total) for p in same]
            losses.append(-sum(float(share) for share in shares) / len(same))
        nearest = max(others, key=lambda a: float(both[i] @ both[a]))
        right += people[nearest] == people[i]
        answers += 1
    assert judged.loss.item() == pytest.approx(np.mean(losses), abs=1e-4)
    assert (judged.right, judged.answers) == (right, answers)


def test_learning_by_names_tells_people_apart() -> None:
    torch.manual_seed(0)
    objective = contrastive(batch_size=10)
    patterns = torch.randint(0, 256, (15, 32, 32))
    noise = torch.randn(len(PEOPLE), 32, 32) * 200
    objective.faces[ROWS] = (patterns[PEOPLE] + noise).clamp(0, 255).byte()
    network = ResidualNetwork(32)
    optimizer = objective.optimizer(network, 1e-3, 0.0)
    order = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(8):
        for batch in objective.epoch(order):
            loss = objective.judge(network, batch).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
