"""A network of several streams whose embeddings of one person lie close together.

Streams err on different pairs; together they verify better than any of them.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from siamese import odds
from siamese.streams import (
    AT_ONCE,
    EMBEDDING_SIZE,
    DeepStream,
    FisherStream,
    GradientStream,
    HueStream,
    LikenessStream,
    LinearStream,
)


class ResidualNetwork(nn.Module):
    """Twin networks with shared weights; the similarities of their embeddings decide.

    Args:
        image_size: side of the square images in pixels, at least 32.
        channels: 1 for grayscale images, 3 for colour.
        deep_zooms: what share of the image's side each deep stream sees.
        linear_zooms: what share of the image's side each linear stream sees.
        fisher_zooms: what share of the image's side each linear stream of Fisher vectors sees.
        hue_zooms: what share of the image's side each linear stream of hues sees; none where
            images are gray.
        likeness_zooms: what share of the image's side each stream of likeness sees.
    """

    def __init__(
        self,
        image_size: int = 64,
        channels: int = 1,
        deep_zooms: Sequence[float] = (1.0,),
        linear_zooms: Sequence[float] = (1.0,),
        fisher_zooms: Sequence[float] = (),
        hue_zooms: Sequence[float] = (),
        likeness_zooms: Sequence[float] = (),
    ) -> None:
        super().__init__()
        assert channels == 3 or not hue_zooms
        self.deep = nn.ModuleList(DeepStream(image_size, zoom) for zoom in deep_zooms)
        self.linear = nn.ModuleList(
            [
                *(GradientStream(image_size, zoom) for zoom in linear_zooms),
                *(FisherStream(image_size, zoom) for zoom in fisher_zooms),
                *(HueStream(image_size, zoom) for zoom in hue_zooms),
                *(LikenessStream(image_size, zoom) for zoom in likeness_zooms),
            ]
        )
        # The logit of "different persons" is slopes · similarities + intercept; see `fit_odds`.
        self.slopes: Tensor
        self.intercept: Tensor
        self.register_buffer("slopes", torch.zeros(len(self.deep) + len(self.linear)))
        self.register_buffer("intercept", torch.tensor(0.0))
        self.forget_odds()

    @torch.no_grad()
    def set_linear(self, load: Callable[[Tensor], Tensor], people: Tensor) -> None:
        """Set the linear streams by discriminant analysis of training images.

        Args:
            load: returns images (n, channels, size, size), float32, by their numbers (n,) from 0.
            people: (all,) int64, whom they show, as numbers from 0.
        """
        batches = torch.arange(len(people)).split(AT_ONCE)
        for number, stream in enumerate(self.linear, start=1):
            assert isinstance(stream, LinearStream)
            stream.prepare(load, len(people))
            features = torch.empty(len(people), len(stream.mean), dtype=stream.kept)
            title = f"linear stream {number} of {len(self.linear)}"
            for batch in tqdm(batches, unit=" batches", desc=title, leave=False):
                features[batch] = stream.features(load(batch)).to(features)
            stream.set(features, people)

    def learned(self, images: Tensor) -> Tensor:
        """Return the deep streams' embeddings of images (n, channels, size, size), float32.

        They stand side by side, each (n, 256) and of length 1; in evaluation mode they are those of
        the images and their mirror images together.
        """
        return torch.cat([stream(images) for stream in self.deep], dim=1)

    def fixed(self, images: Tensor) -> Tensor:
        """Return the linear streams' embeddings of images and their mirror images together.

        They stand side by side, each (n, 257): of length 1, and how alike strangers look.
        """
        return torch.cat([stream(images) for stream in self.linear], dim=1)

    def embed(self, images: Tensor) -> Tensor:
        """Return all streams' embeddings (n, width), the deep ones' first."""
        return torch.cat([self.learned(images), self.fixed(images)], dim=1)

    def similarities(self, first: Tensor, second: Tensor) -> Tensor:
        """Return each stream's similarities (n, k) for embeddings (n, width) and (n, width).

        Those of deep streams are cosines. Those of linear ones are how far the cosine lies above
        the mean of those of the two images with the strangers that are most alike.
        """
        learned = EMBEDDING_SIZE * len(self.deep)
        cosines = (first[:, :learned] * second[:, :learned]).unflatten(1, (-1, EMBEDDING_SIZE))
        a, b = (each[:, learned:].unflatten(1, (len(self.linear), -1)) for each in (first, second))
        above = (a * b)[:, :, :-1].sum(dim=2) - (a + b)[:, :, -1] / 2
        return torch.cat([cosines.sum(dim=2), above], dim=1)

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for embeddings (n, width) and (n, width)."""
        return self.similarities(first, second) @ self.slopes + self.intercept

    def forget_odds(self) -> None:
        """Let the logits be the negative mean cosines of the deep streams, which are learned."""
        self.slopes.zero_()
        self.slopes[: len(self.deep)] = -1 / len(self.deep)
        self.intercept.zero_()

    def fit_odds(self, first: Tensor, second: Tensor, labels: NDArray[np.integer]) -> bool:
        """Fit slopes and intercept, so that the logits are those of the pairs' odds; return True.

        Args:
            first: (n, width) embeddings of validation pairs' first images.
            second: (n, width) those of the second ones.
            labels: (n,) the pairs' classes.
        """
        slopes, intercept = odds.fit(self.similarities(first, second), labels)
        self.slopes.copy_(slopes)
        self.intercept.copy_(intercept)
        return True

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for images (n, channels, size, size) twice."""
        return self.compare(*self.embed(torch.cat([first, second])).chunk(2))
