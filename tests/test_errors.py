"""A command that cannot go on ends in one line and a status; its traceback is there on request."""

from collections.abc import Callable
from pathlib import Path

import pytest

from siamese import errors
from siamese.errors import InputError


@pytest.fixture(autouse=True)
def no_debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIAMESE_DEBUG", raising=False)


def failing(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


def message(error: BaseException) -> str:
    """Return what a command that raises an error ends with, as `sys.exit` takes it."""
    with pytest.raises(SystemExit) as ended:
        errors.run(failing(error))
    assert isinstance(ended.value.code, str)  # printed on standard error; the status is 1
    assert len(ended.value.code.splitlines()) == 1
    return ended.value.code


def test_a_command_that_succeeds_goes_on() -> None:
    done = []
    errors.run(lambda: done.append(1))
    assert done == [1]


def test_bad_input_ends_in_its_message() -> None:
    assert message(InputError("params.yaml: seed is -1")) == "error: params.yaml: seed is -1"


def test_a_failing_file_is_named() -> None:
    error = OSError(28, "No space left on device", "data/faces.npy")
    assert message(error).startswith("error: data/faces.npy: No space left on device")


def test_a_real_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=rf"^error: {tmp_path}/x\.csv: No such file"):
        errors.run(lambda: (tmp_path / "x.csv").open().close())


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("cannot be written"), "cannot be written"),
        (ConnectionResetError(), "ConnectionResetError"),
    ],
)
def test_a_failure_without_a_file_is_described_by_what_is_known(
    error: OSError, reason: str
) -> None:
    assert errors.describe(error) == reason
    assert message(error).startswith(f"error: {reason}")


def test_an_interrupt_ends_with_how_to_continue_and_the_status_of_shells(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        errors.run(failing(KeyboardInterrupt()), after_interrupt="nothing was written")
    assert ended.value.code == 130
    assert capsys.readouterr().err == "interrupted; nothing was written\n"


def test_an_error_of_the_program_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        errors.run(failing(ZeroDivisionError()))


@pytest.mark.parametrize("error", [InputError("x"), OSError(28, "full", "x"), KeyboardInterrupt()])
def test_debugging_lets_every_exception_through(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIAMESE_DEBUG", "1")
    with pytest.raises(type(error)) as raised:
        errors.run(failing(error))
    assert raised.value is error
