"""What the tests of the graph share."""

import os

import pytest

from clone import Clone, finished


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Return a clone in which `dvc repro` has run, one for all workers: to look at and to copy."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder /= "first-run"
    folder.mkdir(exist_ok=True)
    return finished(folder)
