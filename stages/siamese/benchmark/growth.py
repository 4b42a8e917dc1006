"""How long an image takes and how much memory is held, from some thousand images to many more.

What is timed is what the stage `faces` does, in a process of its own for each number of images.
Drawn faces are repeated: only their number matters here.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from siamese import errors
from siamese.benchmark.workload import SIZE, settings
from siamese.dataset import archive, images, tables
from siamese.dataset.protocol import Face
from siamese.lfw import drawn_faces

TAR, INDEX, ARRAY = "images.tar", "images.csv", "faces.npy"


def write(folder: Path, number: int) -> None:
    """Write as many images as an archive with its index, as the stage `download` leaves them."""
    faces = [Face(f"Person_{row:07}", 1) for row in range(number)]
    drawn = islice(cycle(drawn_faces.make().images.values()), number)
    with archive.packing(folder / TAR) as add:
        for face, jpeg in zip(faces, drawn, strict=True):
            add(face.file, jpeg)
    tables.write_index(faces, folder / INDEX)


def measure(numbers: list[int]) -> list[dict[str, Any]]:
    """Return a row for each number of images: milliseconds for one, and MiB held at most."""
    rows = []
    for number in numbers:
        with tempfile.TemporaryDirectory() as name:
            write(Path(name), number)
            command = [sys.executable, "-m", "siamese.benchmark.growth", name]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode != 0:
                raise errors.InputError("a process of the benchmark ended early; see above")
            rows.append({"images": number, **json.loads(done.stdout)})
    return rows


def main() -> None:
    """Decode the archive of the folder that the argument names; print the figures as JSON."""
    folder = Path(sys.argv[1])
    start = time.perf_counter()
    faces = list(tables.read_index(folder / INDEX))
    images.write(archive.read_packed(folder / TAR), faces, settings(SIZE), folder / ARRAY)
    seconds = time.perf_counter() - start
    unit = 2**20 if sys.platform == "darwin" else 2**10
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(json.dumps({"milliseconds": 1000 * seconds / len(faces), "memory": memory}))


if __name__ == "__main__":
    main()
