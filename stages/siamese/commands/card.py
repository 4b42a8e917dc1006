"""A model card of the workspace's network: what it is for, its training, and how often it errs.

In Hugging Face's layout (Markdown with a YAML header), written from the run's own figures.
"""

import argparse
from pathlib import Path

HELP = "write a model card of the workspace's network"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where to write it."""
    parser.add_argument(
        "path", metavar="FILE", nargs="?", type=Path, default=Path("data/model-card.md")
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the card."""
    from siamese.reports import card

    card.write(arguments.path)
    print(f"{arguments.path} describes the workspace's network")
