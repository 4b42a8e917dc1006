"""The page, driven in a browser: it answers as the verifier does, and asks nothing elsewhere."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import PIL.Image
import pytest

import asked
from new_process import STAGES
from siamese import __main__, machine
from siamese.errors import InputError
from siamese.lfw import drawn_faces
from siamese.page import examples
from siamese.page.uploads import Uploads
from siamese.photos.verifier import Verifier

pytest.importorskip("cv2")
pytest.importorskip("gradio")
sync_api = pytest.importorskip("playwright.sync_api")

# In the page's process: whom it connects to, and which names it looks up, as lines of a file.
RECORDER = """
import os, sys
def record(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        address = arguments[1] if event == "socket.connect" else arguments[0]
        with open(os.environ["RECORD"], "a") as file:
            print(address[0] if isinstance(address, tuple) else address, file=file)
sys.addaudithook(record)
"""
SECONDS = 60


@dataclass(frozen=True)
class Served:
    """A page that a process serves.

    Attributes:
        url: of the page.
        process: of `siamese demo`.
        root: folder with the model file, photographs and a gallery.
        temporary: that the process keeps its temporary files in.
        record: whom the process has connected to, a line each.
    """

    url: str
    process: "subprocess.Popen[str]"
    root: Path
    temporary: Path
    record: Path

    def uploads(self) -> list[Path]:
        """Return the uploaded files that there are."""
        files = (path for path in self.temporary.rglob("*") if path.is_file())
        return [path for path in files if "uploads" in path.parts]


@pytest.fixture(scope="module")
def photographs(dataset: drawn_faces.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with photographs and a gallery."""
    root = tmp_path_factory.mktemp("page")
    people = asked.portraits(dataset, 3)
    for number, photo in enumerate(people.values()):
        photo.save(root / f"{number}.png")
        person = root / "known" / f"Person {number}"
        person.mkdir(parents=True)
        photo.save(person / "a.png")
    first, second, _ = people.values()
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    first.transpose(PIL.Image.Transpose.ROTATE_90).save(root / "turned.jpg", exif=exif)
    group = PIL.Image.new("RGB", (900, 500), (140, 140, 140))
    group.paste(first.resize((400, 400)), (20, 50))
    group.paste(second.resize((300, 300)), (520, 100))
    group.save(root / "group.png")
    PIL.Image.new("RGB", (300, 300)).save(root / "blank.png")
    (root / "text.jpg").write_text("no photograph")
    asked.write(root)
    return root


@pytest.fixture(scope="module")
def served(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the page as a person does, with the command."""
    temporary, hook = tmp_path_factory.mktemp("temporary"), tmp_path_factory.mktemp("hook")
    (hook / "sitecustomize.py").write_text(RECORDER)
    command = [sys.executable, "-m", "siamese", "demo", "--port", "0", "--gallery", "known"]
    process = subprocess.Popen(
        [*command, "--model", "model.safetensors"],
        cwd=photographs,
        env=os.environ
        | {
            "PYTHONPATH": f"{hook}{os.pathsep}{STAGES}",
            "RECORD": str(hook / "record"),
            "TMPDIR": str(temporary),
            "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield Served(line.split()[0], process, photographs, temporary, hook / "record")
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start the system's Chromium, or else the one that Playwright has installed."""
    with sync_api.sync_playwright() as playwright:
        found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
        path = next(found, playwright.chromium.executable_path)
        if not Path(path).exists():
            pytest.skip("there is no Chromium: neither the system's nor Playwright's")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser.new_context()  # in which tabs share what they have loaded
        browser.close()


class Visitor:
    """A person who visits the page.

    Args:
        tab: of a browser.
        served: the page.
    """

    def __init__(self, tab: Any, served: Served) -> None:
        self.tab, self.served = tab, served
        self.requests: list[str] = []
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.set_default_timeout(1000 * SECONDS)
        tab.goto(served.url)

    def give(self, place: str, name: str) -> None:
        """Upload a photograph."""
        photograph = self.tab.locator(f"#{place}")
        if photograph.locator("img").count():
            with self.sent():
                photograph.locator("button").first.click()  # the cross above it
        with self.sent():
            photograph.locator("input[type=file]").set_input_files(self.served.root / name)

    def sent(self) -> Any:
        """Return a context that ends as soon as the page's process has answered."""
        return self.tab.expect_response(lambda response: "/run/" in response.url)

    def ask(self, button: str, answer: str) -> str:
        """Press a button; return the answer in words."""
        self.tab.get_by_role("button", name=button, exact=True).click()
        return self.read(answer)

    def read(self, answer: str) -> str:
        """Return the words of an answer, as soon as it is there."""
        text: str = self.tab.locator(answer).first.inner_text()
        return text


@pytest.fixture
def visitor(served: Served, browser: Any) -> Iterator[Visitor]:
    tab = browser.new_page()
    visitor = Visitor(tab, served)
    yield visitor
    tab.close()
    assert visitor.requests
    assert {urlsplit(url).hostname for url in visitor.requests} == {"127.0.0.1"}


VERDICT, ERROR = "#verification .words", "#verification .error"


def wait(until: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + SECONDS
    while not until():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize(("first", "second"), [("0.png", "turned.jpg"), ("0.png", "1.png")])
def test_the_answer_is_the_verifiers(
    visitor: Visitor, served: Served, first: str, second: str
) -> None:
    visitor.give("first-photograph", first)
    visitor.give("second-photograph", second)
    words = visitor.ask("Compare", VERDICT)
    verifier = Verifier(asked.model())
    answer = verifier.verify(served.root / first, served.root / second)
    assert words.startswith(answer.verdict)
    assert f"same person {answer.probability:.1%}, threshold 37.8%" in words
    rates = (answer.threshold.false_accept_rate, answer.threshold.false_reject_rate)
    assert re.findall(r"false \w+ rate: .*\t(.*)", words) == [f"{rate:.1%}" for rate in rates]
    assert "network: dataset made up, recipe quick" in words
    assert visitor.tab.locator("#verification .crops img").count() == 2
    assert served.uploads() == []
    # Another threshold, the photographs still in memory.
    slider = visitor.tab.locator("#verification-threshold input[type=number]")
    slider.fill("100")
    visitor.tab.get_by_text("threshold 100.0%").wait_for()
    assert visitor.read(VERDICT).startswith("different persons")


def test_what_is_wrong_is_said_on_the_page(visitor: Visitor, served: Served) -> None:
    missing = visitor.ask("Compare", ERROR)
    assert missing.startswith("the first photograph is missing: choose a file")
    visitor.give("first-photograph", "blank.png")
    visitor.give("second-photograph", "text.jpg")
    faceless, unreadable = filter(None, visitor.ask("Compare", ERROR).splitlines())
    assert faceless.startswith("blank.png: no face was found; a face must be seen from the front")
    assert "--aligned" not in faceless
    assert unreadable.startswith("text.jpg: not a photograph that can be read (JPEG, PNG")
    assert served.uploads() == []


def test_a_face_is_chosen_of_several(visitor: Visitor, served: Served) -> None:
    visitor.give("first-photograph", "0.png")
    visitor.give("second-photograph", "group.png")
    several = visitor.ask("Compare", ERROR)
    assert re.match(r"group\.png: 2 faces \(1: \d+×\d+ at \d+,\d+; 2: .*\); choose the f", several)
    assert visitor.tab.locator(f"{ERROR} img").count() == 1
    verifier = Verifier(asked.model())
    probabilities = []
    for label, which in (("largest", "largest"), ("2", 2)):
        visitor.tab.get_by_label(label, exact=True).check()
        answer = verifier.verify(
            served.root / "0.png", served.root / "group.png", faces=(None, which)
        )
        visitor.tab.get_by_text(f"same person {answer.probability:.1%}").wait_for()
        probabilities.append(answer.probability)
    assert probabilities[0] != probabilities[1]
    # The choice was this photograph's.
    visitor.give("second-photograph", "1.png")
    visitor.tab.get_by_label("largest", exact=True).wait_for(state="hidden")
    assert visitor.tab.locator("#verification .answer").count() == 0


def test_a_person_of_the_gallery_is_named(visitor: Visitor, served: Served) -> None:
    visitor.tab.get_by_role("tab", name="A gallery of people").click()
    visitor.give("photograph", "group.png")
    visitor.ask("Identify", "#identification .answer")
    faces = visitor.tab.locator("#identification .answer").all_inner_texts()
    assert [re.findall("Person \\d", face)[0] for face in faces] == ["Person 0", "Person 1"]
    assert all(re.search(r"Person \d\t\d+\.\d%", face) for face in faces)
    assert served.uploads() == []
    visitor.tab.locator("#gallery textarea, #gallery input").fill("nowhere")
    assert "nowhere: there is no" in visitor.ask("Identify", "#identification .error")


def test_drawn_faces_are_examples(visitor: Visitor) -> None:
    visitor.ask("Try drawn faces: the same person", VERDICT)
    assert visitor.tab.locator("#verification .crops img").count() == 2
    visitor.tab.get_by_role("tab", name="A gallery of people").click()
    assert "Felix_Pixel" in visitor.ask("Try drawn faces", "#identification .answer")


def test_a_photograph_that_nobody_asks_about_is_deleted_with_the_page(
    visitor: Visitor, served: Served
) -> None:
    visitor.give("first-photograph", "0.png")
    wait(lambda: len(served.uploads()) == 1)
    visitor.tab.close()
    wait(lambda: served.uploads() == [])


def test_a_page_from_elsewhere_gets_no_answer(served: Served) -> None:
    address = urlsplit(served.url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 0), SECONDS) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\nHost: elsewhere.example\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400")


def test_it_ends_quietly_and_leaves_nothing(served: Served) -> None:
    # The last test of the page: it has connected to nobody else, and it ends now.
    known = {"127.0.0.1", "localhost", "None", ""}
    connected = set(served.record.read_text().split()) if served.record.exists() else set()
    assert connected <= known
    served.process.send_signal(signal.SIGINT)
    output, errors = served.process.communicate(timeout=SECONDS)
    assert (served.process.returncode, output, errors) == (0, "", "")
    assert list(served.temporary.iterdir()) == []


def test_one_face_is_found_in_each_drawn_example(
    dataset: drawn_faces.Dataset, tmp_path: Path
) -> None:
    drawn = examples.draw(tmp_path, dataset)
    verifier = Verifier(asked.model())
    known = list(Path(drawn.gallery).rglob("*.jpg"))
    for path in (drawn.first, drawn.same, drawn.different, *map(str, known)):
        verifier.portrait(path)
    assert len(known) == 3


def test_uploads_are_read_from_their_folder_only(tmp_path: Path) -> None:
    (tmp_path / "uploads").mkdir()
    other = tmp_path / "other.png"
    other.write_bytes(b"content")
    uploads = Uploads(tmp_path / "uploads")
    with pytest.raises(InputError, match="the upload is gone"):
        uploads.take("page", "first", {"path": str(other), "orig_name": "other.png"})
    assert uploads.held("page", "first") is None
    assert other.exists()


def start(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Return the exit status of `siamese demo` with arguments that it cannot start with."""
    monkeypatch.setattr(machine, "prepare", lambda: None)
    monkeypatch.setattr(sys, "argv", ["siamese", "demo", *words])
    with pytest.raises(SystemExit) as ended:
        __main__.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_what_keeps_the_page_from_starting_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert start(monkeypatch, "--port", str(port)) == 2
    used = f"error: port {port}: Address already in use; choose another one with --port\n"
    assert capsys.readouterr().err == used
    assert start(monkeypatch, "--port", "70000") == 2
    assert capsys.readouterr().err.startswith("error: the port is 70000; it takes ")
    assert start(monkeypatch, "--port", "0") == 2
    assert capsys.readouterr().err.startswith("error: data/model.safetensors is missing: `dvc exp")
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert start(monkeypatch, "--port", "0") == 2
    needed = 'error: the page needs Gradio: pip install -e ".[demo]"\n'
    assert capsys.readouterr().err == needed
