"""A process of its own for each way, so that neither has the other's memory or settings.

Reads the name of a task from each line of standard input, does it, and writes a line of JSON:
seconds, and the process's largest memory so far in MiB.
"""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from siamese.benchmark import ours, plain
from siamese.benchmark.workload import Workload
from siamese.dataset.pairs import PairRows

Task = Callable[[], object]


def main() -> None:
    """Do what standard input asks for, in the way and for the folder that the arguments name."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    way, folder = sys.argv[1], Path(sys.argv[2])
    work = Workload.load(folder)
    tasks = {"plain": plain_tasks, "ours": our_tasks, "others": other_tasks}[way](work)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        taken = tasks[line.strip()]()
        seconds = taken if isinstance(taken, float) else time.perf_counter() - start
        unit = 2**20 if sys.platform == "darwin" else 2**10
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
        print(json.dumps({"seconds": seconds, "memory": memory}), flush=True)


def plain_tasks(work: Workload) -> dict[str, Task]:
    """Return the plain way's tasks."""
    network = plain.Network(work.size)
    training = plain.Pairs(work.file_pairs(work.training), work.training_labels, work.size)
    test = plain.Pairs(work.file_pairs(work.test), [0] * len(work.test), work.size)
    return {
        "training": lambda: plain.train(network, training, work.batch_size),
        "evaluation": lambda: plain.evaluate(network, test),
        "decoding": lambda: plain.decode(work.files, work.size),
    }


def our_tasks(work: Workload) -> dict[str, Task]:
    """Return the pipeline's tasks."""
    from siamese import machine

    machine.prepare()
    array = torch.from_numpy(ours.read(work.tar, work.faces, work.size))
    network = ours.network(work.size)
    training = PairRows(np.array(work.training), np.array(work.training_labels))
    test = PairRows(np.array(work.test), np.zeros(len(work.test), np.int64))
    return {
        "training": lambda: ours.train(network, array, training, work.batch_size),
        "evaluation": lambda: ours.evaluate(network.eval(), array, test),
        "decoding": lambda: ours.read(work.tar, work.faces, work.size),
    }


def other_tasks(work: Workload) -> dict[str, Task]:
    """Return what else decodes images."""
    cores = os.cpu_count() or 1
    jpegs = [path.read_bytes() for path in work.files]
    return {
        "image_folder": lambda: plain.image_folder(work.folder, work.size, cores),
        "decoding_alone": lambda: ours.decode_alone(jpegs, cores),
    }


if __name__ == "__main__":
    main()
