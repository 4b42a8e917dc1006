"""Discriminant analysis finds what differs between people and not between their images."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.decomposition import PCA

from siamese.features import discriminant


def analyse(
    features: torch.Tensor, people: torch.Tensor, size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    return discriminant.analyse(features, people, size, components=500, shrinkage=0.1)


def sample(people: int = 60, images: int = 4, size: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    """Return features of which the first two separate people, and the others vary more."""
    rng = np.random.default_rng(0)
    means = rng.normal(0, 1, (people, size)) * ([1.0, 1.0] + [0.0] * (size - 2))
    spread = np.array([0.2, 0.2] + [1.0] * (size - 2))
    features = np.repeat(means, images, axis=0) + rng.normal(0, 1, (people * images, size)) * spread
    return torch.from_numpy(features).float(), torch.arange(people).repeat_interleave(images)


def test_the_directions_found_are_those_that_separate_people() -> None:
    features, people = sample()
    mean, projection = analyse(features, people, 2)
    torch.testing.assert_close(mean, features.mean(dim=0))
    share = projection[:2].square().sum() / projection.square().sum()
    assert share > 0.95


def test_images_of_one_person_come_closer_than_others() -> None:
    features, people = sample()
    mean, projection = analyse(features, people, 2)
    same = people[:, None] == people

    def nearness(points: torch.Tensor) -> float:
        distance = torch.cdist(points, points)
        return float(distance[same].mean() / distance[~same].mean())

    assert nearness((features - mean) @ projection) < 0.3 < 0.5 < nearness(features)


def test_scatter_within_is_the_unbiased_covariance_where_all_have_as_many_images() -> None:
    features, people = sample(images=3)
    x = features.numpy().reshape(60, 3, -1)
    aside = (x - x.mean(axis=1, keepdims=True)).reshape(180, -1)
    expected = aside.T @ aside / (60 * 2)
    found = discriminant.scatter_within(features, people)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_directions_that_separate_nobody_are_scaled_to_almost_nothing() -> None:
    torch.manual_seed(0)
    people = torch.arange(2000).repeat_interleave(2)
    _, projection = analyse(torch.randn(4000, 3), people, 3)
    separate = torch.randn(2000, 3).repeat_interleave(2, dim=0) + 0.1 * torch.randn(4000, 3)
    _, useful = analyse(separate, people, 3)
    # Noise is all within people: scaled by its share between them, hardly anything is left of it.
    assert projection.norm() < 0.25 * (3**0.5)
    assert useful.norm() > 5 * (3**0.5)


def test_one_person_with_very_many_images_counts_as_ten() -> None:
    torch.manual_seed(0)
    few = torch.randn(200, 2)
    people = torch.arange(100).repeat_interleave(2)
    many = torch.randn(2000, 2) * torch.tensor([10.0, 1.0])
    together = torch.cat([few, many])
    numbers = torch.cat([people, torch.full((2000,), 100)])
    found = discriminant.scatter_within(together, numbers)
    # 100 people with variance 1 and weight 2, one with variance 100 and weight 10.
    assert float(found[0, 0] / found[1, 1]) == pytest.approx((200 + 1000) / 210, rel=0.3)


def test_people_with_one_image_do_not_count_in_the_scatter_within_people() -> None:
    features, people = sample()
    more = torch.cat([features, torch.randn(5, features.shape[1]) * 50])
    numbers = torch.cat([people, torch.arange(60, 65)])
    torch.testing.assert_close(
        discriminant.scatter_within(more, numbers), discriminant.scatter_within(features, people)
    )


def test_columns_beyond_the_number_of_features_are_zero() -> None:
    features, people = sample(size=5)
    _, projection = analyse(features, people, 8)
    assert projection.shape == (5, 8)
    assert (projection[:, 5:] == 0).all()
    assert torch.isfinite(projection).all()


def test_features_that_never_vary_give_finite_directions() -> None:
    features, people = sample()
    features[:, 3:] = 1.0
    _, projection = analyse(features, people, 6)
    assert torch.isfinite(projection).all()


@pytest.mark.parametrize("block", [1, 7, 1024])
def test_more_features_than_images_give_the_same_projection(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discriminant, "BLOCK", block)
    torch.manual_seed(0)
    features, people = sample(people=10)
    wider = torch.randn(100, 12).T / 10  # takes 12 features to a hundred, without loss
    found = []
    for given in (features, features @ wider, (features @ wider).half()):
        mean, projection = discriminant.analyse(given, people, 8, components=12, shrinkage=0)
        points = (given.float() - mean) @ projection
        found.append(points @ points.T)
    for inner_products in found[1:]:
        torch.testing.assert_close(inner_products, found[0], atol=0.2, rtol=0.02)


def test_principal_components_are_those_of_scikit_learn() -> None:
    torch.manual_seed(0)
    features = torch.randn(20, 50) * torch.linspace(3, 1, 50)
    expected = PCA(5, svd_solver="full").fit(features.numpy())
    found, back = discriminant.principal(features, features.mean(dim=0), 5)
    np.testing.assert_allclose(found.abs(), np.abs(expected.transform(features.numpy())), atol=1e-3)
    directions = back(torch.eye(5, dtype=torch.float64))
    np.testing.assert_allclose(directions.T.abs(), np.abs(expected.components_), atol=1e-3)


def test_close_to_the_principal_components_tells_people_apart_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    features, people = sample(people=100, images=4, size=30)
    wider = F.normalize(torch.randn(30, 1000)) * torch.linspace(3, 0.5, 30)[:, None]
    given = features @ wider + 0.05 * torch.randn(400, 1000)
    mean = given.mean(dim=0)
    found, ratios = [], []
    same = people[:, None] == people
    for exact in (400, 0):
        monkeypatch.setattr(discriminant, "EXACT", exact)
        found.append(discriminant.principal(given, mean, 40)[0])
        _, projection = discriminant.analyse(given, people, 8, components=40, shrinkage=0.1)
        points = F.normalize((given - mean) @ projection)
        cosines = points @ points.T
        ratios.append(float(cosines[same].mean() - cosines[~same].mean()))
    # As much of the variance, and all but the last components.
    assert float(found[1].square().sum()) > 0.99 * float(found[0].square().sum())
    np.testing.assert_allclose(
        found[1][:, :10].square().sum(dim=0), found[0][:, :10].square().sum(dim=0), rtol=1e-3
    )
    assert ratios[1] == pytest.approx(ratios[0], abs=0.02)
    assert ratios[0] > 0.3
