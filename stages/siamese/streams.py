"""Streams: what a network sees of an image, each a way to its own embedding.

Deep streams, of residual blocks, are learned step by step; linear ones are set once, most by
discriminant analysis. Each begins with something fixed: oriented gradients, or, for linear ones,
also the Fisher vectors of small patches, or hues alone. Each looks at the centre of an image, some
closer than others.

Source: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (2016), for the blocks.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from siamese import cohort, discriminant
from siamese.fisher import FisherVectors
from siamese.orientation import DIRECTIONS, OrientedGradients

EMBEDDING_SIZE = 256  # of each stream
STREAM_SIZE = 64  # side of what sees gradients, in pixels, where images are not smaller
FILTERS = (64, 128, 256)  # of the blocks, each of stride 2
GRID = 16  # side of the maps that a linear stream sees
LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
AT_ONCE = 256  # images by which linear streams are set: bounds memory, changes no result
MIXTURE_BY = 1000  # images that show what patches there are, at most
DARK = 0.05  # added to the light that hues are set against: there is no hue in the dark


class _Block(nn.Module):
    """Two 3×3 convolutions, the first of stride 2, beside a shortcut."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, filters, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(inplace=True),
            nn.Conv2d(filters, filters, 3, padding=1, bias=False),
            nn.BatchNorm2d(filters),
        )
        self.shortcut = nn.Sequential(
            nn.Conv2d(channels, filters, 1, bias=False), nn.BatchNorm2d(filters)
        )

    def forward(self, maps: Tensor) -> Tensor:
        # As a 1×1 convolution of stride 2, but that one's gradient, of twelve channels, makes
        # PyTorch write to memory that is not its own where there is AVX-512 (oneDNN's issue 6035).
        every_other = maps[:, :, ::2, ::2]
        return F.relu(self.convolutions(maps) + self.shortcut(every_other))


class _Centre(nn.Module):
    """The centre of an image.

    Args:
        image_size: side of the square images in pixels.
        zoom: share of the side that is seen.
    """

    def __init__(self, image_size: int, zoom: float) -> None:
        super().__init__()
        self.side = round(image_size * zoom)
        self.start = (image_size - self.side) // 2

    def forward(self, images: Tensor) -> Tensor:
        part = slice(self.start, self.start + self.side)
        return images[:, :, part, part]


def _luminance(images: Tensor) -> Tensor:
    """Return gray images (n, 1, size, size) of gray or colour ones."""
    if images.shape[1] == 1:
        return images
    return sum((share * images[:, [i]] for i, share in enumerate(LUMINANCE)), torch.tensor(0.0))


class _Glimpse(nn.Module):
    """Oriented gradients of the centre of an image; see `_Centre` for the arguments."""

    def __init__(self, image_size: int, zoom: float) -> None:
        super().__init__()
        self.centre = _Centre(image_size, zoom)
        self.size = min(image_size, STREAM_SIZE)
        self.orientation = OrientedGradients()

    def forward(self, images: Tensor) -> Tensor:
        seen = _luminance(self.centre(images))
        if seen.shape[2] != self.size:
            seen = F.interpolate(seen, self.size, mode="bilinear", antialias=True)
        deviation, mean = torch.std_mean(seen, dim=(1, 2, 3), keepdim=True)
        maps: Tensor = self.orientation((seen - mean) / (deviation + 1e-3))
        return maps


class DeepStream(nn.Module):
    """Residual blocks on a glimpse; see `_Centre` for the arguments."""

    def __init__(self, image_size: int, zoom: float) -> None:
        super().__init__()
        self.glimpse = _Glimpse(image_size, zoom)
        blocks: list[nn.Module] = []
        inputs, side = DIRECTIONS, self.glimpse.size // 2
        for filters in FILTERS:
            blocks.append(_Block(inputs, filters))
            inputs, side = filters, -(-side // 2)
        self.layers = nn.Sequential(
            *blocks,
            nn.Flatten(),
            nn.Linear(inputs * side**2, EMBEDDING_SIZE, bias=False),
            nn.BatchNorm1d(EMBEDDING_SIZE),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return embeddings (n, 256) of length 1; in evaluation mode with the mirror images'."""
        embeddings = F.normalize(self.layers(self.glimpse(images)))
        if self.training:
            return embeddings
        mirrored = F.normalize(self.layers(self.glimpse(images.flip(3))))
        return F.normalize(embeddings + mirrored)


class LinearStream(nn.Module):
    """A projection of features, whose cosines are set against those with a cohort.

    Args:
        features: how many there are.
    """

    kept = torch.float32  # type of the features by which the projection is set
    components = 500  # principal ones, in which discriminant directions are looked for
    shrinkage = 0.1

    def __init__(self, features: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.projection: Tensor
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("projection", torch.zeros(features, EMBEDDING_SIZE))
        self.cohort = cohort.Cohort(EMBEDDING_SIZE)

    def see(self, images: Tensor) -> Tensor:
        """Return what is projected of images, (n, ...)."""
        raise NotImplementedError

    def features(self, images: Tensor) -> Tensor:
        """Return what is projected of images and their mirror images together, (n, features)."""
        return (self.see(images) + self.see(images.flip(3))).flatten(1)

    def prepare(self, load: Callable[[Tensor], Tensor], number: int) -> None:
        """Set what comes before the projection, if anything, by training images.

        Args:
            load: returns images (n, channels, size, size), float32, by their numbers (n,) from 0.
            number: of images.
        """

    def find(self, features: Tensor, people: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean (d,) of features and a projection (d, 256); see `set`."""
        return discriminant.analyse(
            features, people, EMBEDDING_SIZE, self.components, self.shrinkage
        )

    def set(self, features: Tensor, people: Tensor) -> None:
        """Set projection and cohort.

        Args:
            features: (n, d) of training images.
            people: (n,) int64, whom they show.
        """
        features, people = features.cpu(), people.cpu()
        mean, projection = self.find(features, people)
        self.mean.copy_(mean)
        self.projection.copy_(projection)
        chosen = cohort.choose(people).split(AT_ONCE)
        self.cohort.set(torch.cat([self._project(features[part]) for part in chosen]))

    def _project(self, features: Tensor) -> Tensor:
        return F.normalize((features.to(self.mean) - self.mean) @ self.projection)

    def forward(self, images: Tensor) -> Tensor:
        """Return embeddings (n, 256) of length 1 of images and their mirror images together.

        Beside them, as number 257, stands how alike strangers look: the embedding's mean cosine
        with the nearest of the cohort.
        """
        embeddings = self._project(self.features(images))
        return torch.cat([embeddings, self.cohort(embeddings)[:, None]], dim=1)


class GradientStream(LinearStream):
    """A projection of a glimpse; see `_Centre` for the arguments."""

    def __init__(self, image_size: int, zoom: float) -> None:
        super().__init__(DIRECTIONS * GRID**2)
        self.glimpse = _Glimpse(image_size, zoom)

    def see(self, images: Tensor) -> Tensor:
        """Return the maps of the glimpse, pooled, (n, 12, 16, 16)."""
        return F.adaptive_avg_pool2d(self.glimpse(images), GRID)


class LikenessStream(GradientStream):
    """A projection of a glimpse that tells how alike two images are, whoever they show.

    What they have in common by chance, as the side that the light comes from, makes two people
    more alike to the other streams; against this one that can be told.
    """

    def find(self, features: Tensor, people: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean (d,) of features and their principal components (d, 256)."""
        mean = features.mean(dim=0)
        rank = min(EMBEDDING_SIZE, *features.shape)
        _, back = discriminant.principal(features, mean, rank)
        projection = back(torch.eye(rank, dtype=torch.float64))
        return mean, F.pad(projection, (0, EMBEDDING_SIZE - rank))


class HueStream(LinearStream):
    """A projection of hues: how much more red, and blue, than green there is against the light.

    The image's own mean hue is taken away: it is the lamp's as much as the person's. See `_Centre`
    for the arguments.
    """

    def __init__(self, image_size: int, zoom: float) -> None:
        super().__init__(2 * GRID**2)
        self.centre = _Centre(image_size, zoom)

    def see(self, images: Tensor) -> Tensor:
        """Return the hues of patches of colour images, (n, 2, 16, 16)."""
        patches = F.adaptive_avg_pool2d(self.centre(images), GRID)
        red, green, blue = patches.split(1, dim=1)
        hues = torch.cat([red - green, blue - green], dim=1)
        hues = hues / (patches.mean(dim=1, keepdim=True) + DARK)
        return hues - hues.mean(dim=(2, 3), keepdim=True)


class FisherStream(LinearStream):
    """A projection of Fisher vectors; see `_Centre` for the arguments."""

    kept = torch.float16  # since there are many
    components = 2000
    shrinkage = 0.2

    def __init__(self, image_size: int, zoom: float) -> None:
        super().__init__(FisherVectors.size)
        self.centre = _Centre(image_size, zoom)
        self.vectors = FisherVectors()

    def prepare(self, load: Callable[[Tensor], Tensor], number: int) -> None:
        """Fit the mixture behind the Fisher vectors to some of the images, drawn at random."""
        some = torch.randperm(number)[:MIXTURE_BY]
        self.vectors.fit(_luminance(self.centre(load(some))))

    def see(self, images: Tensor) -> Tensor:
        """Return half the Fisher vectors, (n, 67584): those of two images are added."""
        vectors: Tensor = self.vectors(_luminance(self.centre(images)))
        return vectors / 2
