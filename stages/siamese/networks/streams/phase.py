"""A closed-form stream: discriminant directions of histograms of local phase."""

import torch
import torch.nn.functional as F
from torch import Tensor

from siamese.features import local_phase
from siamese.networks.streams.closed_form import ClosedFormStream
from siamese.networks.streams.view import Centre, luminance

VIEW_SIZE = 128  # side of what is seen in pixels, or smaller images' own
WINDOWS = (5, 9, 15)  # pixels
GRID = 10  # cells along the side


class Stream(ClosedFormStream):
    """A projection of the roots of histograms; see `Centre` for the arguments."""

    stored_as = torch.float16  # since there are many
    components = 2000
    shrinkage = 0.4

    def __init__(self, image_size: int, zoom: float) -> None:
        super().__init__(len(WINDOWS) * GRID**2 * local_phase.CODES)
        self.centre = Centre(image_size, zoom)
        self.size = min(self.centre.side, VIEW_SIZE)

    def features(self, images: Tensor) -> Tensor:
        """Return the roots of the frequencies of codes, of images and their mirror images.

        (n, d) for images (n, channels, size, size): sums of both, for each window, cell and code.
        """
        seen = luminance(self.centre(images))
        if seen.shape[2] != self.size:
            seen = F.interpolate(seen, self.size, mode="bilinear", antialias=True)
        found = []
        for window in WINDOWS:
            both = local_phase.codes(seen, window)
            own, mirrored = (local_phase.histograms(codes, GRID).sqrt() for codes in both)
            found.append(own + mirrored)
        return torch.stack(found, dim=1).flatten(1)
