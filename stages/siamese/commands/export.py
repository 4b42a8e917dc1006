"""A trained network as ONNX files, to be used without this project and without PyTorch.

Writes embed.onnx (images to embeddings), compare.onnx (two embeddings to a score and a probability)
and, where the network was trained behind one, align.onnx. onnxruntime's results are compared with
PyTorch's for batches of 1, 2 and 7 random images and for the workspace's test pairs, if there are
any of the network's image size; if a decision differs nothing is written.
"""

import argparse
from pathlib import Path

from siamese.commands import asking

HELP = "write a network as ONNX files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder and the network."""
    parser.add_argument("--onnx", type=Path, required=True, metavar="DIR", help="folder to write")
    asking.add_network(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write the files and say how well they agree."""
    import numpy as np

    from siamese.dataset import tables
    from siamese.dataset.images import shape
    from siamese.export import onnx_files

    model = asking.load_network(arguments).model
    array, pairs = Path("data/faces.npy"), Path("data/pairs/test.csv")
    images = rows = None
    if array.exists() and pairs.exists():
        faces = np.load(array, mmap_mode="r")
        if faces.shape == shape(len(faces), model.settings.image):
            images, rows = faces, tables.read_pairs(pairs).rows
    found = onnx_files.export(model, arguments.onnx, images, rows)
    for path in sorted(arguments.onnx.glob("*.onnx")):
        print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")
    print(f"embeddings differ from PyTorch's by {found.embeddings:.1e} at most")
    if found.transforms is not None:
        print(f"alignments differ from PyTorch's by {found.transforms:.1e} at most")
    if found.scores is None:
        asking.warn([f"no test pairs of the network's image size in {array}: none was compared"])
    else:
        print(
            f"all {found.pairs:,} decisions on the test pairs are PyTorch's; scores differ by "
            f"{found.scores:.1e} at most"
        )
