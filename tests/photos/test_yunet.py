"""Faces by YuNet are put where the cascade would put them; its file is checked.

YuNet itself is not at hand: a graph stands in that has its outputs and finds one face.
"""

import math
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import asked
from siamese.errors import InputError
from siamese.photos.verifier import Verifier
from siamese.photos.yunet import BETWEEN_EYES, EYES_ABOVE_MIDDLE, YuNet

pytest.importorskip("cv2")
onnx = pytest.importorskip("onnx")
SIDE = 320  # of the photograph


def write(path: Path, eyes: tuple[tuple[float, float], tuple[float, float]], score: float) -> Path:
    """Write a graph with YuNet's outputs that finds these eyes in any photograph."""
    nodes, constants, outputs = [], [], []

    def constant(name: str, values: np.ndarray) -> str:
        constants.append(onnx.numpy_helper.from_array(values.astype(np.float32), name))
        return name

    # Nothing of the image counts, but OpenCV wants every output to depend on it.
    constant("none", np.zeros((1, 3, 1, 1)))
    nodes.append(onnx.helper.make_node("Conv", ["input", "none"], ["still"], kernel_shape=[1, 1]))
    nodes.append(onnx.helper.make_node("GlobalAveragePool", ["still"], ["zero4"]))
    nodes.append(onnx.helper.make_node("Flatten", ["zero4"], ["zero"]))
    for stride in (8, 16, 32):
        cells = (SIDE // stride) ** 2
        values = {"cls": np.zeros((cells, 1)), "obj": np.zeros((cells, 1))}
        values |= {"bbox": np.zeros((cells, 4)), "kps": np.zeros((cells, 10))}
        if stride == 8:
            row, column = 10, 12
            cell = row * (SIDE // stride) + column
            values["cls"][cell] = values["obj"][cell] = score
            values["bbox"][cell] = (0, 0, math.log(10), math.log(12))
            for number, (x, y) in enumerate(eyes):
                values["kps"][cell, 2 * number] = x / stride - column
                values["kps"][cell, 2 * number + 1] = y / stride - row
        for name, each in values.items():
            fixed = constant(f"fixed_{name}_{stride}", each[None])
            output = f"{name}_{stride}"
            nodes.append(onnx.helper.make_node("Add", [fixed, "zero"], [output]))
            outputs.append(onnx.helper.make_tensor_value_info(output, 1, list(each[None].shape)))
    inputs = [onnx.helper.make_tensor_value_info("input", 1, [1, 3, SIDE, SIDE])]
    graph = onnx.helper.make_graph(nodes, "stand-in", inputs, outputs, constants)
    opset = [onnx.helper.make_opsetid("", 13)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    return path


PHOTO = PIL.Image.new("RGB", (SIDE, SIDE), (90, 120, 150))


def test_a_face_is_put_where_its_eyes_are_and_as_they_lean(tmp_path: Path) -> None:
    path = write(tmp_path / "yunet.onnx", ((80, 100), (110, 110)), 0.99)
    [face] = YuNet(path).find(PHOTO)
    assert face.angle == pytest.approx(math.atan2(10, 30))
    assert face.side == pytest.approx(math.hypot(30, 10) / BETWEEN_EYES, rel=1e-4)
    middle = 95 - face.x, 105 - face.y
    assert math.hypot(*middle) == pytest.approx(EYES_ABOVE_MIDDLE * face.side, rel=1e-3)
    assert middle[0] * 30 + middle[1] * 10 == pytest.approx(0, abs=0.1)  # below them as it leans
    assert middle[1] < 0


def test_what_it_is_not_sure_of_is_no_face(tmp_path: Path) -> None:
    assert YuNet(write(tmp_path / "y.onnx", ((80, 100), (110, 100)), 0.8)).find(PHOTO) == []


def test_a_verifier_with_it_asks_it(tmp_path: Path) -> None:
    model = asked.write(tmp_path)
    path = write(tmp_path / "y.onnx", ((80, 100), (110, 100)), 0.99)
    verifier = Verifier.load(model, path)
    answer = verifier.verify(PHOTO, PHOTO)
    assert answer.first.area == {"x": 53, "y": 66, "w": 85, "h": 85}
    # What a gallery keeps is not mixed up with faces that the cascade found.
    assert verifier.digest() != Verifier.load(model).digest()


@pytest.mark.parametrize("content", [b"", b"no ONNX", None])
def test_another_file_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "yunet.onnx"
    if content is None:
        with pytest.raises(FileNotFoundError, match=r"yunet\.onnx"):
            YuNet(path)
        return
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"yunet\.onnx: OpenCV cannot read it as YuNet"):
        YuNet(path)
