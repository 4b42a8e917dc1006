"""Streams: the parts of an ensemble, each with an embedding of its own.

A stream looks at the centre of an image, some closer than others. *Learned* streams are trained
step by step; *closed-form* streams are set once, from all training images.

A new kind is a module here with a class `Stream(image_size, zoom)`, and a line in `KINDS`. This
file imports no torch, so that `check` can read it fast.
"""

from typing import NamedTuple


class Kind(NamedTuple):
    """What a kind of stream needs of the image.

    Attributes:
        smallest: side in pixels of what it sees, at least.
        learned: trained step by step, not set in closed form.
        colour: it needs colour images.
    """

    smallest: int
    learned: bool = False
    colour: bool = False


# In this order the streams of an ensemble are made, set and compared.
KINDS = {
    "residual": Kind(smallest=16, learned=True),
    "gradients": Kind(smallest=16),
    "fisher": Kind(smallest=26),
    "colour": Kind(smallest=26, colour=True),
    "phase": Kind(smallest=16),
    "hue": Kind(smallest=16, colour=True),
    "principal": Kind(smallest=16),
}
