"""Images are varied as far as the settings say and no further, and a seed repeats it."""

import numpy as np
import pytest
import torch
from PIL import Image

from siamese.training.augmentation import AUGMENTATIONS, Augmentation


def face() -> torch.Tensor:
    """Return an image (1, 1, 40, 40) that no shift, turn or mirror leaves as it is."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 40), torch.linspace(-1, 1, 40), indexing="ij")
    return torch.exp(-((x - 0.2) ** 2 + (y + 0.3) ** 2) * 6)[None, None] * 0.8


def centre(image: torch.Tensor) -> tuple[float, float]:
    """Return where the blot lies, right and down, in pixels."""
    weights = image[0, 0].clamp(min=0)
    index = torch.arange(weights.shape[0])
    total = weights.sum()
    return float((weights.sum(0) * index).sum() / total), float(
        (weights.sum(1) * index).sum() / total
    )


def test_no_amount_changes_nothing() -> None:
    images = torch.rand(4, 1, 16, 16)
    torch.testing.assert_close(Augmentation()(images), images)


@pytest.mark.parametrize("name", ["koch", "faces"])
def test_a_seed_repeats_and_another_does_not(name: str) -> None:
    augment = AUGMENTATIONS[name]
    assert augment is not None
    images = torch.rand(4, 1, 16, 16)
    made = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        made.append(augment(images))
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    assert made[0].shape == images.shape


def test_images_of_a_batch_are_varied_apart() -> None:
    torch.manual_seed(0)
    made = Augmentation(shift=0.2)(face().repeat(8, 1, 1, 1))
    assert len({centre(image[None]) for image in made}) == 8


def test_shift_stays_within_its_share_of_the_side() -> None:
    torch.manual_seed(0)
    x, y = centre(face())
    moves = [
        np.subtract(centre(image[None]), (x, y))
        for image in Augmentation(shift=0.1)(face().repeat(200, 1, 1, 1))
    ]
    # The border that comes in is not quite black, hence the margin.
    assert 3 < np.abs(moves).max() < 4.6
    assert np.min(moves) < -3 < 3 < np.max(moves)


def test_every_other_image_is_varied_at_probability_one_half() -> None:
    torch.manual_seed(0)
    images = face().repeat(1000, 1, 1, 1)
    made = Augmentation(rotation=45, probability=0.5)(images)
    changed = ((made - images).abs().amax(dim=(1, 2, 3)) > 1e-4).float().mean()
    assert 0.45 < changed < 0.55


def test_mirror_swaps_left_and_right_and_nothing_else() -> None:
    made = Augmentation(mirror=1)(face())
    torch.testing.assert_close(made, face().flip(3), atol=1e-5, rtol=0)


def test_rotation_is_that_of_pillow() -> None:
    image = face()
    torch.manual_seed(0)
    angle = float((torch.rand(7, 1) * 2 - 1)[0]) * 90
    torch.manual_seed(0)
    made = Augmentation(rotation=90)(image)[0, 0].numpy()
    pillow = Image.fromarray(image[0, 0].numpy()).rotate(angle, Image.Resampling.BILINEAR)
    inside = slice(8, 32)
    np.testing.assert_allclose(made[inside, inside], np.asarray(pillow)[inside, inside], atol=0.02)


def widths(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the variance of each image's blot across and down, and the covariance."""
    weights = images[:, 0].clamp(min=0)
    weights = weights / weights.sum(dim=(1, 2), keepdim=True)
    index = torch.arange(40.0) - 19.5
    x, y = index[None, None, :], index[None, :, None]
    mean_x, mean_y = (weights * x).sum(dim=(1, 2)), (weights * y).sum(dim=(1, 2))
    x, y = x - mean_x[:, None, None], y - mean_y[:, None, None]
    return tuple((weights * part).sum(dim=(1, 2)) for part in (x * x, y * y, x * y))  # type: ignore[return-value]


@pytest.mark.parametrize("stretch", [False, True])
def test_width_and_height_change_together_or_apart(stretch: bool) -> None:
    torch.manual_seed(0)
    images = face().repeat(200, 1, 1, 1)
    across, down, _ = widths(Augmentation(scale=0.2, stretch=stretch)(images))
    together = float(torch.corrcoef(torch.stack([across, down]))[0, 1])
    assert abs(together) < 0.2 if stretch else together > 0.95


def test_shear_slants_a_round_blot_both_ways() -> None:
    torch.manual_seed(0)
    across, down, both = widths(Augmentation(shear=0.3)(face().repeat(200, 1, 1, 1)))
    slant = both / (across * down).sqrt()
    assert slant.min() < -0.3
    assert slant.max() > 0.3


def test_scale_changes_the_blots_size() -> None:
    torch.manual_seed(0)
    sizes = [
        float((image > 0.4).float().sum())
        for image in Augmentation(scale=0.2)(face().repeat(100, 1, 1, 1))
    ]
    base = float((face() > 0.4).float().sum())
    assert 0.6 < min(sizes) / base < 0.7
    assert 1.3 < max(sizes) / base < 1.5
