"""params.yaml as a whole, before any work and before DVC clears a stage's outputs."""

from pathlib import Path

from siamese import atomic, parameters
from siamese.errors import run

CHECKED = Path("data/checked.txt")


def main() -> None:
    """Check every parameter; what is written never changes, so that no later stage re-runs."""
    parameters.load(Path("params.yaml"))
    with atomic.writing(CHECKED) as partial:
        partial.write_text("params.yaml holds what the stages take.\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
