"""Times the pipeline and the plain way in turns, each in a process of its own.

Machines drift: what counts is the ratio of two times that were taken one right after the other.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from siamese import errors
from siamese.benchmark.workload import Workload

PLAIN, OURS, OTHERS = "plain", "ours", "others"


@dataclass(frozen=True)
class Comparison:
    """One row: a task, done in two ways.

    Attributes:
        name: of the task.
        unit: that it has many of.
        other: whose way ours is compared with.
        way: process of the other way.
        task: name of the other way's task there.
        ours: name of ours.
    """

    name: str
    unit: str
    other: str
    way: str
    task: str
    ours: str


COMPARISONS = (
    Comparison("training of `koch`", "pairs", "plain", PLAIN, "training", "training"),
    Comparison("evaluation", "pairs", "plain", PLAIN, "evaluation", "evaluation"),
    Comparison("images to an array", "images", "plain", PLAIN, "decoding", "decoding"),
    Comparison(
        "images to an array", "images", "ImageFolder, all cores", OTHERS, "image_folder", "decoding"
    ),
    Comparison(
        "images to an array",
        "images",
        "libjpeg-turbo alone, all cores",
        OTHERS,
        "decoding_alone",
        "decoding",
    ),
)


class Worker:
    """A process that does tasks in one way; see `siamese.benchmark.worker`.

    Args:
        way: "plain", "ours" or "others".
        folder: of the workload.
    """

    def __init__(self, way: str, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "siamese.benchmark.worker", way, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self._answer()
        except errors.InputError:
            self.close()
            raise

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise errors.InputError("a process of the benchmark ended early; see above")
        return json.loads(line)

    def do(self, task: str) -> dict[str, float]:
        """Do a task; return its seconds and the process's largest memory so far, in MiB."""
        assert self.process.stdin is not None
        print(task, file=self.process.stdin, flush=True)
        answer: dict[str, float] = self._answer()
        return answer

    def close(self) -> None:
        """End the process, which has nothing to lose."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def _workers(folder: Path) -> Iterator[dict[str, Worker]]:
    workers: dict[str, Worker] = {}
    try:
        for way in (PLAIN, OURS, OTHERS):
            workers[way] = Worker(way, folder)
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


def measure(training: int, test: int, turns: int) -> list[dict[str, Any]]:
    """Return a row of figures for each comparison, and one for the memory of training.

    Args:
        training: pairs that are trained on in a turn.
        test: pairs that are evaluated in a turn.
        turns: each way has, after one that does not count.

    Returns:
        Rows with the name, the unit, how many units a second in either way, the median of the
        turns' ratios, the lowest and the highest.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Workload.write(folder, training, test)
        images = len(Workload.load(folder).faces)
        sizes = {"training": training, "evaluation": test, "decoding": images}
        rows = []
        with _workers(folder) as workers:
            for each in COMPARISONS:
                size = sizes[each.ours]
                taken = [
                    (workers[each.way].do(each.task), workers[OURS].do(each.ours))
                    for _ in range(turns + 1)
                ][1:]
                ratios = [other["seconds"] / ours["seconds"] for other, ours in taken]
                rows.append(
                    {
                        "task": each.name,
                        "unit": f"{each.unit}/s",
                        "other": each.other,
                        "other_value": size / median(other["seconds"] for other, _ in taken),
                        "our_value": size / median(ours["seconds"] for _, ours in taken),
                        "ratio": median(ratios),
                        "ratio_low": min(ratios),
                        "ratio_high": max(ratios),
                    }
                )
                if each.ours == "training":  # the first task: memory is of it alone
                    other, ours = (side["memory"] for side in taken[-1])
                    memory = {"other_value": other, "our_value": ours, "ratio": other / ours}
                    title = {"task": "memory of that training", "unit": "MiB", "other": each.other}
                    rows.append({**title, **memory})
    return rows
