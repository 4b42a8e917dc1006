"""`siamese verify` and `siamese identify`, as typed: what is printed where, and the exit status."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import PIL.Image
import pytest

import asked
from siamese import __main__, machine
from siamese.lfw import drawn_faces

pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def files(dataset: drawn_faces.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model file, photographs and a gallery."""
    root = tmp_path_factory.mktemp("asked")
    asked.write(root)
    people = asked.portraits(dataset, 4)
    for number, photo in enumerate(people.values()):
        photo.save(root / f"{number}.png")
    group = PIL.Image.new("RGB", (900, 500), (140, 140, 140))
    first, second, *_ = people.values()
    group.paste(first.resize((400, 400)), (20, 50))
    group.paste(second.resize((300, 300)), (520, 100))
    group.save(root / "group.png")
    PIL.Image.new("RGB", (300, 300)).save(root / "blank.png")
    (root / "text.jpg").write_text("no photograph")
    for number in range(3):
        person = root / "known" / f"Person {number}"
        person.mkdir(parents=True)
        (person / "a.png").write_bytes((root / f"{number}.png").read_bytes())
    return root


class Typed:
    """Types commands in a folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Return exit status, standard output and standard error of `siamese` with arguments."""
        self.monkeypatch.setattr(sys, "argv", ["siamese", *words])
        try:
            __main__.main()
            status = 0
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 1
        printed = self.capsys.readouterr()
        return status, printed.out, printed.err


@pytest.fixture
def siamese(
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Typed:
    monkeypatch.chdir(files)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(machine, "prepare", lambda: None)  # it is for the whole process
    return Typed(monkeypatch, capsys)


MODEL = ("--model", "model.safetensors")


def test_the_exit_status_is_the_answer(siamese: Typed) -> None:
    status, output, errors = siamese("verify", "0.png", "0.png", *MODEL)
    assert (status, errors) == (0, "")
    verdict, threshold, network = output.splitlines()
    assert verdict == "the same person (probability of the same person 98.2%)"
    assert threshold.startswith("threshold 0.378: on validation people it accepts 31.2% of differ")
    assert network == "network: dataset made up, recipe quick, scheduler onecycle, seed 0"
    status, output, _ = siamese("verify", "0.png", "0.png", *MODEL, "--threshold", "0.99")
    assert status == 1
    assert output.startswith("different persons (probability of the same person 98.2%)")


def test_a_path_may_have_spaces_and_any_letters(
    siamese: Typed, files: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "Zoë Müller 北京"
    folder.mkdir()
    photo = folder / "été n° 1.png"
    photo.write_bytes((files / "0.png").read_bytes())
    status, output, errors = siamese("verify", str(photo), "0.png", *MODEL)
    assert (status, errors) == (0, "")
    assert "98.2%" in output
    _, output, _ = siamese("identify", "0.png", "--gallery", str(tmp_path), *MODEL)
    assert output.splitlines()[0].endswith(": Zoë Müller 北京")


def test_json_is_alone_on_standard_output(siamese: Typed, files: Path) -> None:
    small = files / "small.png"
    PIL.Image.open(files / "0.png").resize((100, 100)).save(small)
    status, output, errors = siamese(
        "verify", "small.png", "1.png", *MODEL, "--json", "--aligned", "--far", "0.01"
    )
    answer = json.loads(output)
    assert status == (0 if answer["verified"] else 1)
    assert answer["false_accept_rate"] <= 0.01
    assert answer["warnings"] == ["small.png: 100×100 pixels: little to see"]
    assert errors == "warning: small.png: 100×100 pixels: little to see\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("0.png", "text.jpg", *MODEL), "text.jpg: not a photograph that can be read (JPEG"),
        (("0.png", "none.jpg", *MODEL), "none.jpg: No such file or directory"),
        (("0.png", ".", *MODEL), ".: Is a directory"),
        (("0.png", "blank.png", *MODEL), "blank.png: no face was found"),
        (("0.png", "group.png", *MODEL), "group.png: 2 faces (1: "),
        (("0.png", "group.png", *MODEL, "--face", "1,3"), "group.png: there is no face 3"),
        (("0.png", "1.png"), "data/model.safetensors is missing: `dvc exp run"),
        (("0.png", "1.png", "--model", "0.png"), "0.png: not a model file of this project"),
        (("0.png", "1.png", *MODEL, "--threshold", "2"), "the threshold is 2; it takes a prob"),
        (("0.png", "1.png", *MODEL, "--far", "0.0001"), "a false accept rate of 0.0001 cannot"),
        (("-", "-", *MODEL), "standard input holds one photograph"),
    ],
)
def test_an_error_is_one_line_and_the_status_2(
    siamese: Typed, words: tuple[str, ...], complaint: str
) -> None:
    status, output, errors = siamese("verify", *words)
    assert (status, output) == (2, "")
    assert errors.startswith(f"error: {complaint}")
    assert len(errors.splitlines()) == 1


def test_a_face_of_several_is_chosen_for_each_photograph(siamese: Typed) -> None:
    answers = [
        json.loads(siamese("verify", "group.png", "0.png", *MODEL, "--json", "--face", face)[1])
        for face in ("largest", "1", "2,1", "2,largest")
    ]
    areas = [answer["facial_areas"]["img1"] for answer in answers]
    assert areas[0] == areas[1] != areas[2] == areas[3]
    status, _, errors = siamese("verify", "group.png", "0.png", *MODEL, "--face", "0")
    assert status == 2
    assert "'0' is neither largest nor a number from 1" in errors


def test_a_photograph_may_come_by_standard_input(
    siamese: Typed, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = io.BytesIO((files / "0.png").read_bytes())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=content))
    status, output, _ = siamese("verify", "-", "0.png", *MODEL)
    assert status == 0
    assert "98.2%" in output


def test_identify_ranks_the_gallery_for_every_face(siamese: Typed) -> None:
    status, output, errors = siamese("identify", "group.png", "--gallery", "known", *MODEL)
    assert (status, errors) == (0, "")
    first, *ranked = output.splitlines()
    assert first.startswith("group.png (face at ")
    assert first.endswith(": Person 0")
    assert [line.split(maxsplit=1)[1] for line in ranked[:1]] == ["Person 0"]
    assert sum(line.startswith("group.png") for line in output.splitlines()) == 2


def test_identify_agrees_with_verify_in_json(siamese: Typed) -> None:
    _, output, _ = siamese(
        "identify", "3.png", "0.png", "--gallery", "known", *MODEL, "--json", "--top", "2"
    )
    other, known = json.loads(output)
    assert known["name"] == "Person 0"
    assert known["candidates"][0]["probability"] == pytest.approx(0.982, abs=1e-3)
    for candidate in other["candidates"]:
        number = candidate["name"].split()[1]
        _, answer, _ = siamese("verify", "3.png", f"{number}.png", *MODEL, "--json")
        assert json.loads(answer)["probability"] == candidate["probability"]
    assert len(other["candidates"]) == 2


def test_identify_skips_what_is_bad_by_name_and_fails_if_all_is(siamese: Typed) -> None:
    status, output, errors = siamese(
        "identify", "text.jpg", "0.png", "blank.png", "--gallery", "known", *MODEL
    )
    assert status == 0
    assert output.startswith("0.png (face at ")
    first, second = errors.splitlines()
    assert first.startswith("warning: skipped: text.jpg: not a photograph")
    assert second.startswith("warning: skipped: blank.png: no face was found")
    status, output, errors = siamese("identify", "text.jpg", "--gallery", "known", *MODEL)
    assert (status, output) == (2, "")
    assert errors.startswith("error: text.jpg: not a photograph")
    status, _, errors = siamese("identify", "0.png", "--gallery", "nowhere", *MODEL)
    assert status == 2
    assert errors == "error: nowhere: there is no such folder\n"


def test_nothing_is_written_beside_the_photographs(siamese: Typed, files: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in files.rglob("*")}
    siamese("verify", "0.png", "1.png", *MODEL)
    siamese("identify", "0.png", "--gallery", "known", *MODEL, "--no-cache")
    assert {path: path.stat().st_mtime_ns for path in files.rglob("*")} == before
