"""`siamese export`, as typed: what it compares, prints and writes."""

import sys
from pathlib import Path

import numpy as np
import pytest

import asked
from siamese import __main__, machine
from siamese.dataset import tables
from siamese.dataset.protocol import DIFFERENT, SAME, Face, Pair
from siamese.export import onnx_files
from siamese.networks.model_file import Model

pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.usefixtures("denormals")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which has a network where a run leaves it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(machine, "prepare", lambda: None)  # it is for the whole process
    monkeypatch.setattr(sys, "argv", ["siamese", "export", "--onnx", "files"])
    (tmp_path / "data").mkdir()
    asked.write(tmp_path / "data")
    return tmp_path


def write_test_pairs(folder: Path, size: int) -> None:
    """Write an array of images of a size, and two pairs of them."""
    images = np.random.default_rng(0).integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    np.save(folder / "data" / "faces.npy", images)
    one, other, another = (Face(name, number) for name, number in (("A", 1), ("A", 2), ("B", 1)))
    pairs = [Pair(one, other, SAME), Pair(one, another, DIFFERENT)]
    (folder / "data" / "pairs").mkdir()
    tables.write_pairs(
        pairs, {one: 0, other: 1, another: 2}, folder / "data" / "pairs" / "test.csv"
    )


def test_every_decision_on_the_test_pairs_is_compared(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_test_pairs(folder, asked.IMAGE.size)
    __main__.main()
    printed = capsys.readouterr()
    assert printed.err == ""
    *files, embeddings, decisions = printed.out.splitlines()
    assert [line.split(":")[0] for line in files] == ["files/compare.onnx", "files/embed.onnx"]
    assert embeddings.startswith("embeddings differ from PyTorch's by ")
    assert decisions.startswith("all 2 decisions on the test pairs are PyTorch's; scores differ")
    assert sorted(path.name for path in (folder / "files").iterdir()) == [
        "compare.onnx", "embed.onnx",
    ]  # fmt: skip


def test_images_of_another_size_are_said_not_to_have_been_compared(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(
        model: Model, folder: Path, images: object = None, rows: object = None
    ) -> onnx_files.Agreement:
        assert images is None
        assert rows is None
        return onnx_files.Agreement(1e-7, None, None, 0)

    write_test_pairs(folder, 2 * asked.IMAGE.size)
    monkeypatch.setattr(onnx_files, "export", export)
    __main__.main()
    printed = capsys.readouterr()
    assert printed.err == (
        "warning: no test pairs of the network's image size in data/faces.npy: none was compared\n"
    )
    assert "decisions" not in printed.out
