"""Siamese one-shot face verification on Labeled Faces in the Wild.

Data flows one way: archive, images, batches, embeddings, scores, figures. Each folder says in its
`__init__.py` what is in it and which of the others it may import.

    from siamese import Verifier

    print(Verifier.load("data/model.safetensors").verify("a.jpg", "b.jpg").probability)
"""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    # When it is asked for, since it needs torch, which takes seconds to import.
    if name == "Verifier":
        return import_module("siamese.photos.verifier").Verifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
