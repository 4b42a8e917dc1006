"""Protocol files are read as published; anything else is refused with file and line."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siamese.dataset import protocol
from siamese.dataset.protocol import DIFFERENT, SAME, Face, Pair
from siamese.errors import InputError

GOOD = "2\nAnn_A\t1\t2\nBob_B\t3\t10\nAnn_A\t1\tBob_B\t2\nAnn_A\t2\tCy_C\t1\n"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "pairsDevTrain.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_pairs_of_one_person_come_first_then_pairs_of_different_persons(tmp_path: Path) -> None:
    assert protocol.read_pairs(write(tmp_path, GOOD)) == [
        Pair(Face("Ann_A", 1), Face("Ann_A", 2), SAME),
        Pair(Face("Bob_B", 3), Face("Bob_B", 10), SAME),
        Pair(Face("Ann_A", 1), Face("Bob_B", 2), DIFFERENT),
        Pair(Face("Ann_A", 2), Face("Cy_C", 1), DIFFERENT),
    ]


def test_a_face_names_its_file_in_the_archive() -> None:
    assert Face("Ann_A", 7).file == "Ann_A/Ann_A_0007.jpg"


def test_a_missing_final_newline_does_not_matter(tmp_path: Path) -> None:
    assert len(protocol.read_pairs(write(tmp_path, GOOD.rstrip("\n")))) == 4


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("two" + GOOD[1:], 1, "the number of pairs"),
        (GOOD[2:], 1, "the number of pairs"),  # the variant without a header
        ("10\t300\n" + GOOD[2:], 1, "the number of pairs"),
        (GOOD.replace("Bob_B\t3\t10", "Bob_B\t3"), 3, "a pair of one person"),
        (GOOD.replace("Bob_B\t3\t10", "Bob_B 3 10"), 3, "a pair of one person"),
        (GOOD.replace("Bob_B\t3\t10", "Bob_B\t3\t3"), 3, "a pair of one person"),
        (GOOD.replace("Bob_B\t3\t10", "Bob_B\t0\t10"), 3, "a pair of one person"),
        (GOOD.replace("Bob_B\t3\t10", "Bob_B\t3\t-1"), 3, "a pair of one person"),
        (GOOD.replace("Cy_C\t1", "Cy_C"), 5, "a pair of different persons"),
        (GOOD.replace("Cy_C\t1", "Ann_A\t1"), 5, "a pair of different persons"),
        (GOOD.replace("Cy_C\t1", "Cy_C\t٣"), 5, "a pair of different persons"),
        (GOOD + "Ann_A\t1\t2\n", 6, "the end of the file"),  # test pairs appended
        (GOOD + "\n", 6, "the end of the file"),
    ],
)
def test_a_departure_from_the_format_is_named_with_file_and_line(
    text: str, line: int, says: str, tmp_path: Path
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError) as complaint:
        protocol.read_pairs(path)
    message = str(complaint.value)
    assert message.startswith(f"{path}, line {line}: ")
    assert f"expected {says}" in message
    assert len(message.splitlines()) == 1


def test_a_file_that_ends_early_says_what_was_expected(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD[: GOOD.index("Ann_A\t2\tCy")])
    with pytest.raises(InputError, match="ends early; expected a pair of different persons"):
        protocol.read_pairs(path)


def test_a_missing_file_and_one_that_is_not_text_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is missing"):
        protocol.read_pairs(tmp_path / "pairsDevTrain.txt")
    with pytest.raises(InputError, match="not UTF-8 text at byte 2"):
        protocol.read_pairs(write(tmp_path, b"1\n\xff"))


@given(st.text(alphabet="12\tAB\n_é", max_size=60) | st.text(max_size=60))
def test_any_text_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = write(tmp_path_factory.mktemp("fuzz"), text.encode("utf-8", "surrogatepass"))
    for read in (protocol.read_pairs, protocol.read_folds, protocol.read_people):
        try:
            read(path)
            message = "read"
        except InputError as complaint:
            message = str(complaint)
        assert len(message.splitlines()) == 1


def test_folds_and_people_are_read(tmp_path: Path) -> None:
    folds = protocol.read_folds(write(tmp_path, "2\t1\nA\t1\t2\nA\t1\tB\t1\nC\t1\t2\nC\t1\tD\t1\n"))
    assert [[pair.label for pair in fold] for fold in folds] == [[SAME, DIFFERENT]] * 2
    assert protocol.read_people(write(tmp_path, "2\nA\t1\nB\t3\n")) == {"A": 1, "B": 3}
    people = protocol.read_people_folds(write(tmp_path, "2\n1\nA\t1\n2\nB\t3\nC\t1\n"))
    assert people == [{"A": 1}, {"B": 3, "C": 1}]
    with pytest.raises(InputError, match=r"line 3: .* expected a new person"):
        protocol.read_people(write(tmp_path, "2\nA\t1\nA\t3\n"))


@pytest.mark.lfw
class TestOfficialFiles:
    folder = Path(os.environ.get("LFW_MIRROR", ""))

    @pytest.mark.parametrize(
        ("name", "each", "people", "images"),
        [("pairsDevTrain.txt", 1100, 2132, 3443), ("pairsDevTest.txt", 500, 963, 1549)],
    )
    def test_view_1_counts(self, name: str, each: int, people: int, images: int) -> None:
        pairs = protocol.read_pairs(self.folder / name)
        assert [pair.label for pair in pairs] == [SAME] * each + [DIFFERENT] * each
        faces = {face for pair in pairs for face in pair[:2]}
        assert len(faces) == images
        assert len({face.person for face in faces}) == people

    def test_view_2_counts(self) -> None:
        folds = protocol.read_folds(self.folder / "pairs.txt")
        assert [len(fold) for fold in folds] == [600] * 10
        assert all(sum(pair.label for pair in fold) == 300 for fold in folds)

    def test_people_counts(self) -> None:
        train = protocol.read_people(self.folder / "peopleDevTrain.txt")
        test = protocol.read_people(self.folder / "peopleDevTest.txt")
        folds = protocol.read_people_folds(self.folder / "people.txt")
        assert (len(train), sum(train.values())) == (4038, 9525)
        assert (len(test), sum(test.values())) == (1711, 3708)
        assert sum(images >= 2 for images in train.values()) == 1184
        assert not train.keys() & test.keys()
        everybody = {name: images for fold in folds for name, images in fold.items()}
        assert everybody == train | test
        assert (len(everybody), sum(everybody.values())) == (5749, 13233)
        assert sum(images >= 2 for images in everybody.values()) == 1680
