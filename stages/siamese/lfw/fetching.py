"""Files brought from the first of several sources that gives the right one.

A source is a local path or an http(s) URL. What arrives is kept in a partial file of its own for
each source, which the next attempt or run continues; it gets its name only when it is verified.
"""

import fcntl
import hashlib
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from threading import Thread
from typing import TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tqdm import tqdm

from siamese.errors import InputError

Content = TypeVar("Content")
Answer = tuple[HTTPResponse | HTTPError, bytes]

CHUNK = 2**16
FILE_BYTES = 2**30
TRANSIENT = {408, 429, 500, 502, 503, 504}
USER_AGENT = "Mozilla/5.0 (compatible; siamese-lfw)"
WAYS_ON = (
    "Set LFW_MIRROR to a folder or URL that holds the archives, or the unpacked images, and the "
    "texts under their\nofficial names (the CSV tables of Kaggle's copy are not the texts), or do "
    "without them: dvc exp run -S dataset=synthetic"
)


@dataclass(frozen=True)
class Patience:
    """How long to wait for a source, in seconds, and how often to ask again.

    Four dead sources cost four times `answer`: less than a minute.

    Attributes:
        answer: from the request to the first byte, name look-up and redirects included.
        stall: between any two reads after that; however slow, what moves is never cut.
        attempts: number in a row that bring nothing new.
        backoff: before the second of them; doubles each time.
        longest_wait: a server that asks for a longer one (Retry-After) is left for the next.
    """

    answer: float = 12
    stall: float = 15
    attempts: int = 3
    backoff: float = 1
    longest_wait: float = 10


PATIENCE = Patience()


class _SourceError(Exception):
    """Why a source gave nothing; `again` if it may later, after `wait` seconds at the least."""

    def __init__(self, message: str, *, again: bool = False, wait: float = 0) -> None:
        super().__init__(message)
        self.again, self.wait = again, wait


class _SilenceError(_SourceError):
    """The source can't be reached."""


def fetch(
    files: Mapping[str, Sequence[str]],
    downloads: Path,
    read: Callable[[str, Path], Content],
    patience: Patience = PATIENCE,
) -> tuple[Content, str]:
    """Return the content of the first file that can be had and is right, and its source.

    Downloads are kept in `downloads` and used again, verified again, by the next call; local
    files are read in place. Calls that share the folder take turns.

    Args:
        files: names of files that will do, each with its sources, best first.
        downloads: folder for finished and partial downloads.
        read: takes a file's name and where it lies; returns its content, or raises InputError if
            it is not the right one.
        patience: time limits.

    Raises:
        InputError: no source gave a right file (one line for each), or `downloads` can't be
            written to.
    """
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        with _turn(downloads):
            return _kept(files, downloads, read) or _fetched(files, downloads, read, patience)
    except OSError as error:
        raise InputError(
            f"{error.filename or downloads}: {error.strerror or error}; what had arrived is kept, "
            "run again to continue"
        ) from error


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _kept(
    names: Mapping[str, object], downloads: Path, read: Callable[[str, Path], Content]
) -> tuple[Content, str] | None:
    for name in names:
        path = downloads / name
        if path.is_file():
            try:
                return read(name, path), str(path)
            except InputError as error:
                _warn(f"{error}; it is fetched again")
                path.unlink()
    return None


def _fetched(
    files: Mapping[str, Sequence[str]],
    downloads: Path,
    read: Callable[[str, Path], Content],
    patience: Patience,
) -> tuple[Content, str]:
    failures: list[str] = []
    for name, sources in files.items():
        for source in sources:
            try:
                content = _bring(name, source, downloads, read, patience)
            except (InputError, _SourceError) as error:
                failures.append(f"{source}: {error}")
            else:
                for failure in failures:
                    _warn(failure)
                return content, source
    lines = [f"no source gave {' or '.join(files)}:", *(f"  {line}" for line in failures), WAYS_ON]
    raise InputError("\n".join(lines))


def _warn(message: str) -> None:
    tqdm.write(f"warning: {message}", file=sys.stderr)


def _bring(
    name: str,
    source: str,
    downloads: Path,
    read: Callable[[str, Path], Content],
    patience: Patience,
) -> Content:
    if source.startswith(("http://", "https://")):
        return _from_url(name, source, downloads, read, patience)
    path = Path(source).expanduser()
    if not path.exists():
        raise _SourceError("no such file")
    try:
        return read(name, path)
    except OSError as error:
        raise _SourceError(error.strerror or str(error)) from error


def _from_url(
    name: str,
    url: str,
    downloads: Path,
    read: Callable[[str, Path], Content],
    patience: Patience,
) -> Content:
    digest = hashlib.sha256(url.encode()).hexdigest()[:8]
    partial = downloads / f".{name}.{digest}.partial"
    pieced = _download(url, partial, patience)
    try:
        content = read(name, partial)
    except InputError:
        partial.unlink()
        if not pieced:
            raise
        # The file may have changed between two pieces: once more, from nothing.
        _download(url, partial, patience)
        try:
            content = read(name, partial)
        except InputError:
            partial.unlink()
            raise
    partial.replace(downloads / name)
    return content


def _download(url: str, partial: Path, patience: Patience) -> bool:
    """Bring `partial` up to the whole file; return whether it is made of more than one piece."""
    first = furthest = _size(partial)
    pieced = first > 0
    failures = 0
    while True:
        try:
            _continue(url, partial, patience)
            return pieced
        except _SourceError as failure:
            if _size(partial) > furthest:
                furthest, failures = _size(partial), 0
            failures += 1
            moved = furthest > first
            again = failure.again or (moved and isinstance(failure, _SilenceError))
            if not again or failures == patience.attempts or failure.wait > patience.longest_wait:
                raise
            pieced = True
            time.sleep(max(failure.wait, patience.backoff * 2 ** (failures - 1)))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _continue(url: str, partial: Path, patience: Patience) -> None:
    """Add to `partial` what it lacks, in one request; start again where that is not possible."""
    start = _size(partial)
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    response, chunk = _answer(url, headers, patience)
    with response:
        begin, total = _extent(response)
        if response.status == 416 and 0 < start == total:
            return
        if response.status == 416 or (response.status == 206 and begin != start):
            partial.unlink(missing_ok=True)
            raise _SourceError("can't be continued where it broke off", again=True)
        if response.status not in (200, 206):
            raise _SourceError(
                f"HTTP {response.status} {response.reason}",
                again=response.status in TRANSIENT,
                wait=_retry_after(response),
            )
        page = response.headers.get_content_type() == "text/html"
        if page or (begin == 0 and chunk.lstrip().startswith(b"<")):
            raise _SourceError("a web page in place of the file")
        with (
            partial.open("ab" if begin else "wb") as file,
            tqdm(
                desc=partial.name.split(".")[1],
                initial=begin,
                total=total,
                unit="B",
                unit_scale=True,
                disable=None,  # where there is no terminal
            ) as bar,
        ):
            for piece in _pieces(response, chunk):
                file.write(piece)
                bar.update(len(piece))
                if file.tell() > FILE_BYTES:
                    partial.unlink()
                    raise _SourceError(f"more than {FILE_BYTES:,} bytes")
        if total is not None and _size(partial) != total:
            raise _SourceError(f"broke off at {_size(partial):,} of {total:,} bytes", again=True)


def _answer(url: str, headers: dict[str, str], patience: Patience) -> Answer:
    """Return the response and its first bytes, if they come in time.

    Only a thread of its own can be left behind in a name look-up, which knows no time limit, or
    when one address after the other is tried.
    """
    answer: Future[Answer] = Future()

    def ask() -> None:
        try:
            answer.set_result(_ask(url, headers, patience.stall))
        except Exception as error:
            answer.set_exception(error)

    Thread(target=ask, daemon=True).start()
    if not wait([answer], patience.answer).done:
        answer.add_done_callback(_close)
        raise _SilenceError(f"no answer within {patience.answer:g} s")
    try:
        return answer.result()
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise _SilenceError(f"no answer: {reason}") from error


def _ask(url: str, headers: dict[str, str], timeout: float) -> Answer:
    try:
        response: HTTPResponse = urlopen(Request(url, headers=headers), timeout=timeout)
    except HTTPError as refusal:
        return refusal, b""
    try:
        return response, response.read1(CHUNK)
    except BaseException:
        response.close()
        raise


def _close(late: Future[Answer]) -> None:
    if late.exception() is None:
        late.result()[0].close()


def _extent(response: HTTPResponse | HTTPError) -> tuple[int, int | None]:
    """Return at which byte of the file the response begins and the file's size, if it says so."""
    number = r"(\d{1,18})"
    if response.status == 200:
        match = re.fullmatch(number, response.headers.get("Content-Length", ""))
        return 0, int(match[1]) if match else None
    extent = response.headers.get("Content-Range", "")
    match = re.fullmatch(rf"bytes (?:{number}-\d+|\*)/(?:{number}|\*)", extent)
    begin, total = match.groups() if match else (None, None)
    return int(begin) if begin else -1, int(total) if total else None


def _retry_after(response: HTTPResponse | HTTPError) -> float:
    """Return for how many seconds the server wants to be left alone; it may name a date."""
    value = response.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0


def _pieces(response: HTTPResponse | HTTPError, first: bytes) -> Iterator[bytes]:
    piece = first
    try:
        while piece:
            yield piece
            # read() would wait for a whole chunk, and lose it if the connection broke.
            piece = response.read1(CHUNK)
    except (OSError, HTTPException) as error:
        raise _SourceError(f"broke off: {error or type(error).__name__}", again=True) from error
