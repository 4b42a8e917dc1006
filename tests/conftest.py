"""What all tests share."""

import os
from collections.abc import Iterator

# Beside other workers, a process that wants every core waits for the others most of the time.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

from siamese.lfw import drawn_faces

# Machines differ in speed, so no test has a deadline; where "CI" is set, examples repeat.
settings.register_profile("project", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("project")


@pytest.fixture(scope="session")
def dataset() -> drawn_faces.Dataset:
    """Return the synthetic images and lists of seed 0, to look at."""
    return drawn_faces.make()


@pytest.fixture
def denormals() -> Iterator[None]:
    """Have the process count with denormal numbers again, which onnxruntime makes it take for 0."""
    yield
    import torch

    torch.set_flush_denormal(False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of the graph first, and those of the real images where LFW_MIRROR names them.

    The longest files come last if left to pytest-xdist, which sees how many tests each has: one
    worker would be idle for minutes.
    """
    items.sort(key=lambda item: item.get_closest_marker("pipeline") is None)
    if "LFW_MIRROR" not in os.environ:
        for item in items:
            if item.get_closest_marker("lfw"):
                item.add_marker(pytest.mark.skip(reason="LFW_MIRROR is not set"))
