"""What all tests share."""

import os

import pytest
from hypothesis import settings

from siamese import synthetic

# Machines differ in speed, so no test has a deadline; where "CI" is set, examples repeat.
settings.register_profile("project", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("project")


@pytest.fixture(scope="session")
def dataset() -> synthetic.Dataset:
    """Return the synthetic images and lists of seed 0, to look at."""
    return synthetic.make()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests of the real images where LFW_MIRROR does not say where they are."""
    if "LFW_MIRROR" not in os.environ:
        for item in items:
            if item.get_closest_marker("lfw"):
                item.add_marker(pytest.mark.skip(reason="LFW_MIRROR is not set"))
