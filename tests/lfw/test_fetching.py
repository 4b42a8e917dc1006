"""Whatever servers, networks, disks and people do, a file arrives right or not at all."""

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from siamese.errors import InputError
from siamese.lfw import fetching, sources
from siamese.lfw.fetching import Patience, fetch

NAME = "lfw.tgz"
CONTENT = random.Random(0).randbytes(300_000)
OTHER = random.Random(1).randbytes(300_000)
QUICK = Patience(answer=5, stall=0.8, attempts=3, backoff=0.01, longest_wait=2)


class Handler(BaseHTTPRequestHandler):
    """Sends what a test wants; see `send`."""

    server: "Server"

    def do_GET(self) -> None:
        self.server.asked.append(self.headers.get("Range"))
        number = min(len(self.server.asked), len(self.server.behaviours)) - 1
        with contextlib.suppress(OSError):  # the other side has gone
            self.server.behaviours[number](self)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def reply(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()


Behaviour = Callable[[Handler], None]


class Server(ThreadingHTTPServer):
    """Answers its nth request with its nth behaviour, and all after the last with the last."""

    daemon_threads = False
    behaviours: tuple[Behaviour, ...]
    asked: list[str | None]  # the Range of each request
    end: threading.Event


def send(
    content: bytes = CONTENT,
    *,
    drop: int | None = None,
    stall: int | None = None,
    ranges: bool = True,
    claim: int | None = None,
    kind: str = "application/octet-stream",
    pause: float = 0,
) -> Behaviour:
    """Return a behaviour: a good server but for what is asked for.

    Args:
        content: the file.
        drop: close the connection after this many bytes.
        stall: fall silent after this many bytes.
        ranges: whether Range is understood.
        claim: the Content-Length to send; -1 for none.
        kind: the Content-Type.
        pause: seconds between the twelfths of the body.
    """

    def behave(handler: Handler) -> None:
        start = 0
        if ranges and (wanted := handler.headers.get("Range")):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                handler.reply(416, Content_Range=f"bytes */{len(content)}")
                return
        body = content[start:]
        headers = {"Content_Type": kind, "Content_Length": str(claim or len(body))}
        if claim == -1:
            del headers["Content_Length"]
        if start:
            headers["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        handler.reply(206 if start else 200, **headers)
        if pause:
            for part in range(0, len(body), len(body) // 12 + 1):
                handler.wfile.write(body[part : part + len(body) // 12 + 1])
                time.sleep(pause)
            return
        handler.wfile.write(body[: drop if stall is None else stall])
        if stall is not None:
            handler.server.end.wait(5)

    return behave


def refuse(status: int, **headers: str) -> Behaviour:
    return lambda handler: handler.reply(status, **headers)


def silent(handler: Handler) -> None:
    handler.server.end.wait(5)


@contextmanager
def serving(*behaviours: Behaviour) -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.behaviours, server.asked, server.end = behaviours, [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.end.set()
        server.shutdown()
        thread.join()
        server.server_close()


def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}/{NAME}"


def read(name: str, path: Path) -> bytes:
    content = path.read_bytes()
    if content != CONTENT:
        raise InputError(f"{path}: not {name}")
    return content


@dataclass
class Place:
    """A downloads folder; after every fetch all that has a final name in it is right."""

    folder: Path

    def fetch(self, *sources: str | Server, patience: Patience = QUICK) -> str:
        places = [url(source) if isinstance(source, Server) else source for source in sources]
        try:
            content, source = fetch({NAME: places}, self.folder, read, patience)
        finally:
            for path in self.folder.iterdir():
                assert path.name.startswith(".") or path.read_bytes() == CONTENT
        assert content == CONTENT
        return source

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def partials(self) -> list[bytes]:
        return [path.read_bytes() for path in self.folder.glob(".*.partial")]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "downloads")


@pytest.fixture
def good() -> Iterator[Server]:
    with serving(send()) as server:
        yield server


def dead() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/{NAME}"


def test_a_file_comes_whole_and_is_kept(place: Place, good: Server) -> None:
    assert place.fetch(good) == url(good)
    assert place.names() == [".lock", NAME]


def test_a_kept_download_is_used_again_without_the_network(place: Place, good: Server) -> None:
    place.fetch(good)
    assert place.fetch(dead()) == str(place.folder / NAME)


def test_a_kept_download_that_was_damaged_is_fetched_again(
    place: Place, good: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    place.fetch(good)
    (place.folder / NAME).write_bytes(OTHER)
    assert place.fetch(good) == url(good)
    assert "not lfw.tgz; it is fetched again" in capsys.readouterr().err


def test_a_kept_download_that_was_damaged_goes_even_without_a_source(
    place: Place, good: Server
) -> None:
    place.fetch(good)
    (place.folder / NAME).write_bytes(OTHER)
    with pytest.raises(InputError, match="no source"):
        place.fetch(dead())
    assert place.names() == [".lock"]


def test_a_local_file_is_read_in_place(place: Place, tmp_path: Path, good: Server) -> None:
    (tmp_path / NAME).write_bytes(CONTENT)
    assert place.fetch(str(tmp_path / NAME), good) == str(tmp_path / NAME)
    assert place.names() == [".lock"]
    assert good.asked == []


@pytest.mark.parametrize("wrong", [None, OTHER, CONTENT[:-1], b""])
def test_a_wrong_local_file_gives_way_to_the_next_source(
    place: Place,
    tmp_path: Path,
    good: Server,
    wrong: bytes | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if wrong is not None:
        (tmp_path / NAME).write_bytes(wrong)
    assert place.fetch(str(tmp_path / NAME), good) == url(good)
    assert f"warning: {tmp_path / NAME}: " in capsys.readouterr().err


def test_any_of_several_files_will_do(place: Place, good: Server) -> None:
    files = {"first.tgz": [dead()], "second.tgz": [url(good)]}
    assert fetch(files, place.folder, read, QUICK) == (CONTENT, url(good))
    assert (place.folder / "second.tgz").read_bytes() == CONTENT
    assert fetch(files, place.folder, read, QUICK)[1] == str(place.folder / "second.tgz")


@pytest.mark.parametrize("seed", range(8))
def test_a_broken_transfer_goes_on_where_it_broke_off(place: Place, seed: int) -> None:
    chance = random.Random(seed)
    with serving(*(send(drop=chance.randrange(1, 90_000)) for _ in range(3)), send()) as server:
        place.fetch(server)
        starts = [int(wanted[6:-1]) if wanted else 0 for wanted in server.asked]
    assert len(starts) == 4
    assert starts[0] == 0
    assert starts == sorted(set(starts))


def test_a_broken_transfer_without_a_length_is_noticed(place: Place) -> None:
    with serving(send(claim=-1, drop=1000), send()) as server, pytest.raises(InputError):
        place.fetch(server)
    assert place.partials() == []


def test_a_stalled_transfer_goes_on_where_it_stalled(place: Place) -> None:
    with serving(send(stall=1000), send()) as server:
        place.fetch(server)
        assert server.asked == [None, "bytes=1000-"]


def test_a_source_that_falls_silent_between_two_pieces_is_asked_again(place: Place) -> None:
    def hang_up(handler: Handler) -> None:
        handler.wfile.flush()

    with serving(send(drop=1000), hang_up, send()) as server:
        place.fetch(server)
        assert server.asked == [None, "bytes=1000-", "bytes=1000-"]


def test_a_slow_transfer_is_never_cut(place: Place) -> None:
    patience = Patience(answer=0.4, stall=0.4, attempts=1)
    with serving(send(pause=0.06)) as server:
        place.fetch(server, patience=patience)
        assert len(server.asked) == 1


def test_the_next_run_goes_on_where_the_last_one_broke_off(place: Place) -> None:
    with serving(send(drop=1000), refuse(404), send()) as server:
        with pytest.raises(InputError, match="HTTP 404"):
            place.fetch(server)
        assert place.partials() == [CONTENT[:1000]]
        place.fetch(server)
        assert server.asked == [None, "bytes=1000-", "bytes=1000-"]
    assert place.partials() == []


def test_a_partial_file_is_never_continued_from_another_source(place: Place, good: Server) -> None:
    with serving(send(OTHER, drop=1000), refuse(404)) as other:
        assert place.fetch(other, good) == url(good)
    assert good.asked == [None]


def test_a_server_without_ranges_is_asked_from_the_start(place: Place) -> None:
    with serving(send(drop=1000), send(ranges=False)) as server:
        place.fetch(server)
        assert server.asked == [None, "bytes=1000-"]


def test_a_server_that_never_gets_further_is_left_for_the_next(place: Place, good: Server) -> None:
    with serving(send(drop=1000, ranges=False)) as server:
        assert place.fetch(server, good) == url(good)
        assert len(server.asked) == QUICK.attempts


def test_other_bytes_after_a_resume_are_thrown_away_and_fetched_again(place: Place) -> None:
    with serving(send(OTHER, drop=1000), send()) as server:
        place.fetch(server)
        assert server.asked == [None, "bytes=1000-", None]


def test_a_file_that_stays_wrong_is_fetched_again_only_once(place: Place) -> None:
    with serving(send(OTHER, drop=1000), send(OTHER)) as server:
        with pytest.raises(InputError, match=r"not lfw\.tgz"):
            place.fetch(server)
        assert server.asked == [None, "bytes=1000-", None]
    assert place.partials() == []


def test_a_wrong_file_gives_way_to_the_next_source(place: Place, good: Server) -> None:
    with serving(send(OTHER)) as server:
        assert place.fetch(server, good) == url(good)
        assert len(server.asked) == 1


@pytest.mark.parametrize("claim", [len(CONTENT) - 1, len(CONTENT) + 1, 1, 10**15])
def test_a_wrong_length_gives_way_to_the_next_source(
    place: Place, good: Server, claim: int
) -> None:
    with serving(send(claim=claim, ranges=False)) as server:
        assert place.fetch(server, good) == url(good)


@pytest.mark.parametrize(
    "extent",
    ["bytes 0-9/300000", "bytes 999-/300000", "bytes */300000", "nonsense", "bytes 1/2", ""],
)
def test_a_piece_from_another_place_is_not_added(place: Place, extent: str) -> None:
    with serving(send(drop=1000), refuse(206, Content_Range=extent), send()) as server:
        place.fetch(server)
        assert server.asked == [None, "bytes=1000-", None]


def test_a_partial_file_that_is_complete_is_recognised(place: Place) -> None:
    with serving(send(drop=1000), refuse(404), send()) as server:
        with pytest.raises(InputError):
            place.fetch(server)
        (partial,) = place.folder.glob(".*.partial")
        partial.write_bytes(CONTENT)
        place.fetch(server)
        assert server.asked[2:] == [f"bytes={len(CONTENT)}-"]


def test_a_partial_file_that_is_too_long_is_fetched_again(place: Place) -> None:
    with serving(send(drop=1000), refuse(404), send()) as server:
        with pytest.raises(InputError):
            place.fetch(server)
        (partial,) = place.folder.glob(".*.partial")
        partial.write_bytes(CONTENT + b"x")
        place.fetch(server)
        assert server.asked[3:] == [None]


@pytest.mark.parametrize(
    "page",
    [
        send(b"<!DOCTYPE html><title>Too large to scan</title>", kind="text/plain"),
        send(b"\n <html>", kind="application/gzip"),
        send(b"Please log in", kind="text/html; charset=utf-8"),
    ],
)
def test_a_web_page_in_place_of_the_file_is_called_that(place: Place, page: Behaviour) -> None:
    with serving(page) as server:
        with pytest.raises(InputError, match="a web page in place of the file"):
            place.fetch(server)
        assert len(server.asked) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_refusal_is_final(place: Place, good: Server, status: int) -> None:
    with serving(refuse(status)) as server:
        assert place.fetch(server, good) == url(good)
        assert len(server.asked) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_asked_again(place: Place, status: int) -> None:
    with serving(refuse(status), refuse(status), send()) as server:
        place.fetch(server)
    with serving(refuse(status)) as server:
        (place.folder / NAME).unlink()
        with pytest.raises(InputError, match=f"HTTP {status}"):
            place.fetch(server)
        assert len(server.asked) == QUICK.attempts


def test_retry_after_is_honoured(place: Place) -> None:
    begin = time.monotonic()
    with serving(refuse(429, Retry_After="1"), send()) as server:
        place.fetch(server)
    assert time.monotonic() - begin >= 1


def test_retry_after_may_be_a_date(place: Place) -> None:
    later = formatdate(time.time() + 1.9, usegmt=True)  # whole seconds: 0.9 to 1.9 from now
    begin = time.monotonic()
    with serving(refuse(503, Retry_After=later), send()) as server:
        place.fetch(server)
    assert time.monotonic() - begin >= 0.8


@pytest.mark.parametrize("asked", ["3600", "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_a_server_that_wants_too_long_a_wait_is_left_for_the_next(
    place: Place, good: Server, asked: str
) -> None:
    begin = time.monotonic()
    with serving(refuse(429, Retry_After=asked)) as server:
        assert place.fetch(server, good) == url(good)
        assert len(server.asked) == 1
    assert time.monotonic() - begin < 3


@pytest.mark.parametrize("asked", ["soon", "Wed, 21 Oct 2015 07:28:00 GMT", "-1", ""])
def test_a_wait_that_is_none_is_not_waited_for(place: Place, asked: str) -> None:
    begin = time.monotonic()
    with serving(refuse(503, Retry_After=asked), send()) as server:
        place.fetch(server)
    assert time.monotonic() - begin < 3


def test_redirects_are_followed_with_the_range(place: Place) -> None:
    with serving(send(drop=1000), send()) as end, serving(refuse(302, Location=url(end))) as start:
        assert place.fetch(start) == url(start)
        assert end.asked == [None, "bytes=1000-"]


def test_redirects_in_a_circle_end(place: Place) -> None:
    with serving(lambda handler: handler.reply(302, Location=f"/{NAME}")) as server:
        with pytest.raises(InputError, match="HTTP 302"):
            place.fetch(server)
        assert len(server.asked) < 20


def test_a_redirect_never_reaches_local_files(place: Place, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(CONTENT)
    with (
        serving(refuse(302, Location=(tmp_path / NAME).as_uri())) as server,
        pytest.raises(InputError, match="HTTP 302"),
    ):
        place.fetch(server)


@pytest.mark.parametrize("answer", [b"", b"\0" * 100, b"HTTP/1.1 banana\r\n\r\n", b"HTTP/1.1 "])
def test_what_is_no_web_server_gives_way_to_the_next(
    place: Place, good: Server, answer: bytes
) -> None:
    def babble(handler: Handler) -> None:
        handler.wfile.write(answer)

    with serving(babble) as server:
        assert place.fetch(server, good) == url(good)


@pytest.mark.parametrize("source", ["http://", "http://[::1/x", "http://a b/", "https://x.invalid"])
def test_an_impossible_url_gives_way_to_the_next(place: Place, good: Server, source: str) -> None:
    assert place.fetch(source, good) == url(good)


def test_a_file_without_end_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "FILE_BYTES", len(CONTENT))
    with serving(send(CONTENT + bytes(10**6))) as server:
        with pytest.raises(InputError, match="more than 300,000 bytes"):
            place.fetch(server)
        assert len(server.asked) == 1
    assert place.partials() == []


def test_sources_that_never_answer_cost_no_more_than_their_time(place: Place) -> None:
    patience = Patience(answer=0.3, stall=9, attempts=3, backoff=0.01)
    begin = time.monotonic()
    with ExitStack() as stack:
        mute = [stack.enter_context(serving(silent)) for _ in range(3)]
        headers_only = stack.enter_context(serving(send(stall=0)))
        with pytest.raises(InputError, match=r"no answer within 0\.3 s"):
            place.fetch(*mute, headers_only, patience=patience)
        taken = time.monotonic() - begin
        assert all(len(server.asked) == 1 for server in mute)
    assert taken < 4 * patience.answer + 2


def test_when_no_source_of_lfw_answers_it_fails_within_a_minute() -> None:
    mirror = "http://mirror.invalid"
    for name in sources.TEXTS:
        assert len(sources.sources(name, mirror)) * fetching.PATIENCE.answer < 60
    for variant in sources.VARIANTS.values():
        places = [place for name in variant.archives for place in sources.sources(name, mirror)]
        assert len(places) * fetching.PATIENCE.answer < 60


def test_when_nothing_helps_one_message_says_what_was_tried_and_what_to_do(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere, missing = dead(), str(place.folder / "missing" / NAME)
    with serving(refuse(403)) as server, pytest.raises(InputError) as caught:
        place.fetch(missing, server, nowhere)
    lines = str(caught.value).splitlines()
    assert lines[:3] == [
        "no source gave lfw.tgz:",
        f"  {missing}: no such file",
        f"  {url(server)}: HTTP 403 Forbidden",
    ]
    assert re.fullmatch(f"  {nowhere}: no answer: .*Connection refused", lines[3])
    assert "LFW_MIRROR" in lines[4]
    assert lines[5].endswith("dvc exp run -S dataset=synthetic")
    assert capsys.readouterr().err == ""


def test_two_downloads_at_once_take_turns(place: Place) -> None:
    arrived: list[str] = []
    with serving(send(pause=0.02)) as server:
        threads = [
            threading.Thread(target=lambda: arrived.append(place.fetch(server))) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.asked) == 1
    assert sorted(arrived) == sorted([url(server), *[str(place.folder / NAME)] * 2])


def test_a_downloads_folder_that_is_a_file_is_bad_input(place: Place, good: Server) -> None:
    place.folder.write_bytes(b"")
    with pytest.raises(InputError, match=str(place.folder)):
        fetch({NAME: [url(good)]}, place.folder, read, QUICK)


CHILD = """
import resource, sys
from pathlib import Path
from siamese import errors
from siamese.lfw.fetching import fetch

def read(name, path):
    if path.stat().st_size != 300_000:
        raise errors.InputError("wrong")

if len(sys.argv) > 3:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
errors.run(lambda: fetch({"lfw.tgz": [sys.argv[1]]}, Path(sys.argv[2]), read) and None)
"""


def child(place: Place, server: Server, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, url(server), str(place.folder), *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(fetching.__file__).parents[2])},
    )


def test_a_full_disk_leaves_a_partial_file_to_continue(place: Place) -> None:
    with serving(send()) as server:
        with child(place, server, "100000") as process:
            _, message = process.communicate(timeout=20)
        assert process.returncode == 1
        assert message.startswith("error: ")
        assert message.count("\n") == 1
        (partial,) = place.partials()
        assert CONTENT.startswith(partial)
        assert 0 < len(partial) <= 100_000
        place.fetch(server)
        assert server.asked == [None, f"bytes={len(partial)}-"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupt_leaves_a_partial_file_to_continue(place: Place, number: int) -> None:
    with serving(send(stall=150_000), send()) as server:
        with child(place, server) as process:
            limit = time.monotonic() + 20
            while sum(map(len, place.partials())) < 65_536:
                assert time.monotonic() < limit
                time.sleep(0.02)
            process.send_signal(number)
            process.communicate(timeout=20)
        assert process.returncode != 0
        assert not (place.folder / NAME).exists()
        (partial,) = place.partials()
        assert CONTENT.startswith(partial)
        place.fetch(server)
        assert server.asked == [None, f"bytes={len(partial)}-"]
