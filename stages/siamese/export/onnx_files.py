"""A trained network as ONNX files, for use without this project and without PyTorch.

`embed.onnx` takes images to embeddings, `compare.onnx` two embeddings to a score, and `align.onnx`,
where the network was trained behind one, images to the transforms that align them.

Source: https://onnx.ai/onnx/operators for what the graphs consist of.
"""

import dataclasses
import json
import logging
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from siamese.alignment import network as alignment
from siamese.alignment.network import AlignmentNetwork
from siamese.dataset.images import shape
from siamese.errors import InputError
from siamese.networks.contract import Network
from siamese.networks.model_file import Model
from siamese.networks.scoring import BATCH, score_pairs, to_input
from siamese.parameters import Image
from siamese.photos.verifier import Verifier

EMBED, COMPARE, ALIGN = "embed.onnx", "compare.onnx", "align.onnx"
CHECKED = (1, 2, 7)  # batches, in images
TOLERANCE = 1e-4  # of embeddings and transforms, most of which are of length 1
Session = Any  # onnxruntime's, which has no types


class Agreement(NamedTuple):
    """By how much onnxruntime's results differ from PyTorch's, at most.

    Attributes:
        embeddings: of random images, in batches of 1, 2 and 7.
        transforms: of the alignment of the same; None without it.
        scores: of the test pairs; None where there are none at hand.
        pairs: number of test pairs, all with the same decision.
    """

    embeddings: float
    transforms: float | None
    scores: float | None
    pairs: int


class _Embed(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network.embed(to_input(images))


class _Compare(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        score = self.network.compare(first, second)
        return score, torch.sigmoid(-score)


class _Align(nn.Module):
    def __init__(self, aligner: AlignmentNetwork) -> None:
        super().__init__()
        self.aligner = aligner

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        start = torch.zeros(images.shape[0], 4)
        found = self.aligner.align_batch(images, start)
        return found.transforms, found.clamped


def export(
    model: Model,
    folder: Path,
    images: NDArray[np.uint8] | None = None,
    rows: NDArray[np.int64] | None = None,
) -> Agreement:
    """Write a network as ONNX files, and compare them with it; without agreement none is written.

    Args:
        model: what a model file holds.
        folder: for the files.
        images: (n, size, size[, 3]) uint8, of test pairs, or None.
        rows: (m, 2) int64, which two images make each pair, or None.

    Raises:
        InputError: onnx, onnxscript or onnxruntime are not installed, or the files' results are not
            the network's.
    """
    runtime = _needed()
    network, aligner = model.network, model.aligner
    random = torch.Generator().manual_seed(0)
    image = model.settings.image
    some = _random_images(image, random)
    gray = _random_images(alignment.INPUT, random)
    with torch.inference_mode():
        pair = network.embed(to_input(some[:2])).clone()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".partial-") as partial:
        there = Path(partial)
        metadata = _metadata(model)
        _write(_Embed(network), {"images": some[:2]}, ["embeddings"], there / EMBED, metadata)
        vectors = {"first": pair, "second": pair.flip(0)}
        _write(_Compare(network), vectors, ["score", "probability"], there / COMPARE, metadata)
        if aligner is not None:
            results = ["transforms", "clamped"]
            _write(_Align(aligner), {"images": gray[:2]}, results, there / ALIGN, metadata)
        names = [name for name in (EMBED, COMPARE, ALIGN) if (there / name).exists()]
        sessions = {name: _open(runtime, there / name) for name in names}
        found = _compare(model, sessions, some, gray, images, rows)
        folder.mkdir(exist_ok=True)
        for name in names:
            (there / name).replace(folder / name)
    if aligner is None:
        (folder / ALIGN).unlink(missing_ok=True)  # of a network exported there before
    return found


def _needed() -> ModuleType:
    try:
        import onnx  # noqa: F401
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise InputError(f'exporting needs {error.name}: pip install -e ".[export]"') from None
    module: ModuleType = onnxruntime
    return module


def _open(runtime: ModuleType, path: Path) -> Session:
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors; it warns of each constant that it does not fold
    # As `siamese.machine` does for PyTorch: else Fisher vectors take many times as long.
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _random_images(settings: Image, random: torch.Generator) -> Tensor:
    size = shape(max(CHECKED), settings)
    return torch.randint(256, size, dtype=torch.uint8, generator=random)


def _metadata(model: Model) -> dict[str, str]:
    """Return what each file says of itself: JSON by key."""
    settings, point = model.settings, Verifier(model).default()
    values: dict[str, Any] = {
        "image": dataclasses.asdict(settings.image),
        # Of the score: from here on two images show different persons.
        "threshold": settings.threshold,
        "threshold_probability": point.probability,
        "false_accept_rate": point.false_accept_rate,
        "false_reject_rate": point.false_reject_rate,
        "trained": settings.trained,
    }
    if model.aligner is not None:
        values["alignment"] = dataclasses.asdict(model.aligner.settings)
    return {key: json.dumps(value) for key, value in values.items()}


def _write(
    module: nn.Module,
    inputs: dict[str, Tensor],
    results: Sequence[str],
    path: Path,
    metadata: dict[str, str],
) -> None:
    """Write a module's graph, in which the first dimension of every input may be any."""
    batch = torch.export.Dim("batch")
    # What the exporter tells of its own work is of no use to who exports.
    logger = logging.getLogger("onnxscript")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module.eval(),
            kwargs=inputs,
            input_names=list(inputs),
            output_names=list(results),
            dynamic_shapes={name: {0: batch} for name in inputs},
            dynamo=True,
            # Its optimizer takes a constant of 1e-8 for 0, as what is added to a square root's
            # argument; onnxruntime optimizes a graph when it opens it.
            optimize=False,
            verbose=False,
        )
    logger.setLevel(level)
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    program.model.metadata_props.update(metadata)
    program.save(str(path))


def _compare(
    model: Model,
    sessions: dict[str, Session],
    some: Tensor,
    gray: Tensor,
    images: NDArray[np.uint8] | None,
    rows: NDArray[np.int64] | None,
) -> Agreement:
    embed, compare = sessions[EMBED], sessions[COMPARE]
    embeddings: list[float] = []
    transforms: list[float] = []
    for number in CHECKED:
        with torch.inference_mode():
            known = model.network.embed(to_input(some[:number]))
        (found,) = embed.run(None, {"images": some[:number].numpy()})
        embeddings.append(_difference(found, known))
        if model.aligner is not None:
            moved, _ = sessions[ALIGN].run(None, {"images": gray[:number].numpy()})
            transforms.append(_difference(moved, model.aligner.align(gray[:number]).transforms))
    most = float(np.max(embeddings + transforms))  # NaN if one is
    if not most <= TOLERANCE:
        raise InputError(
            f"onnxruntime's results differ by {most:.1g} from PyTorch's, more than {TOLERANCE:g}; "
            "nothing was written"
        )
    agreement = Agreement(max(embeddings), max(transforms, default=None), None, 0)
    if images is None or rows is None:
        return agreement
    known_scores = score_pairs(model.network, torch.from_numpy(np.array(images)), rows)
    scores = _scores(embed, compare, images, rows)
    threshold = model.settings.threshold
    if other := int(np.sum((scores < threshold) != (known_scores < threshold))):
        raise InputError(
            f"onnxruntime decides {other} of {len(rows):,} test pairs otherwise than PyTorch; "
            "nothing was written"
        )
    return agreement._replace(scores=float(np.abs(scores - known_scores).max()), pairs=len(rows))


def _difference(found: NDArray[np.floating], known: Tensor) -> float:
    return float(np.abs(found - known.numpy()).max())


def _scores(
    embed: Session, compare: Session, images: NDArray[np.uint8], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return onnxruntime's scores (m,) of pairs."""
    unique, positions = np.unique(rows, return_inverse=True)
    parts = np.split(unique, range(BATCH, len(unique), BATCH))
    embeddings = np.concatenate([embed.run(None, {"images": images[part]})[0] for part in parts])
    first, second = embeddings[positions.reshape(-1, 2).T]
    scores: NDArray[np.float32] = compare.run(["score"], {"first": first, "second": second})[0]
    return scores
