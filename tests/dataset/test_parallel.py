"""Work is done a little ahead, and its results come in order."""

import os
import threading
from collections.abc import Iterator

import pytest

from siamese.dataset.parallel import map_in_order


def test_only_a_few_results_wait_and_they_come_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    taken: list[int] = []
    release = threading.Event()

    def slow(number: int) -> int:
        if number == 0:
            release.wait(5)
        return 2 * number

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = map_in_order(slow, items())
    threading.Timer(0.05, release.set).start()
    assert next(results) == (0, 0)
    assert len(taken) <= 6
    assert [result for _, result in results] == [2 * number for number in range(1, 100)]


def test_an_error_comes_where_its_result_would_and_ends_the_work() -> None:
    done: list[int] = []

    def fail(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        done.append(number)
        return number

    results = map_in_order(fail, range(1000))
    assert [next(results)[1] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert len(done) < 1000
