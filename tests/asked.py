"""A verifier for tests: a small network with made-up validation scores, and photographs."""

from pathlib import Path

import numpy as np
import PIL.Image
import torch

from siamese.lfw import drawn_faces
from siamese.networks import model_file
from siamese.networks.model_file import Model, Settings, Validation
from siamese.parameters import Image
from siamese.photos import detection, loading

IMAGE = Image(crop=160, size=32, grayscale=False)
TRAINED = {"dataset": "made up", "recipe": "quick", "scheduler": "onecycle", "seed": 0}
SETTINGS = Settings("ensemble", IMAGE, {"residual": (1.0,)}, threshold=0.5, trained=TRAINED)
# Five hundred pairs of each class; the scores of the same person are lower.
VALIDATION = Validation(
    np.linspace(-6, 2, 500, dtype=np.float32), np.linspace(-2, 6, 500, dtype=np.float32)
)


def model(settings: Settings = SETTINGS, validation: Validation | None = VALIDATION) -> Model:
    """Return a network that was never trained, whose scores differ from pair to pair."""
    torch.manual_seed(0)
    network = model_file.make(settings).eval()
    state = network.state_dict()
    state["slopes"].fill_(-40.0)
    state["intercept"].fill_(36.0)
    return Model(network, settings, None, validation)


def write(folder: Path) -> Path:
    """Write that network as a model file; return its path."""
    path = folder / "model.safetensors"
    made = model()
    model_file.save(made.network, made.settings, path, made.aligner, made.validation)
    return path


def portraits(dataset: drawn_faces.Dataset, count: int) -> dict[str, PIL.Image.Image]:
    """Return drawn faces in which exactly one face is found, one a person, by the person's name."""
    found: dict[str, PIL.Image.Image] = {}
    for name in sorted(dataset.images):
        person = name.split("/")[0]
        if person not in found and len(found) < count:
            photo = loading.decode(dataset.images[name], name)
            if len(detection.find(photo)) == 1:
                found[person] = photo
    return found
