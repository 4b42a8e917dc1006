"""Images of other people: which ones are chosen, and how similar an image is to them."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from siamese.networks.cohort import NEAREST, SIZE, Cohort, choose


def test_people_are_drawn_at_random_with_one_image_each() -> None:
    torch.manual_seed(0)
    people = torch.arange(3000).repeat(2)
    chosen = choose(people)
    assert chosen.shape == (SIZE,)
    assert len(people[chosen].unique()) == SIZE
    # Neither the first people nor the first images alone.
    assert people[chosen].float().mean() == pytest.approx(1500, abs=100)
    assert (chosen < 3000).float().mean() == pytest.approx(0.5, abs=0.05)
    torch.manual_seed(0)
    assert torch.equal(choose(people), chosen)
    assert not torch.equal(choose(people), chosen)


def test_few_people_are_repeated_with_the_same_image_each() -> None:
    people = torch.arange(30).repeat_interleave(20)
    chosen = choose(people)
    assert chosen.shape == (SIZE,)
    images, times = chosen.unique(return_counts=True)
    assert len(images) == len(people[images].unique()) == 30
    assert times.max() - times.min() <= 1


def test_the_most_similar_images_of_other_people_count() -> None:
    torch.manual_seed(0)
    members, images = F.normalize(torch.randn(SIZE, 8)), F.normalize(torch.randn(5, 8))
    cohort = Cohort(8)
    cohort.set(members)
    cosines = np.sort(images.numpy() @ members.numpy().T)
    np.testing.assert_allclose(cohort(images), cosines[:, -NEAREST:].mean(axis=1), rtol=1e-5)
