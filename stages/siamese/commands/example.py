"""README's picture, docs/example.png: decisions on test pairs of drawn faces.

Shows the workspace's run, which must be one on drawn faces (`dvc exp run -S dataset=synthetic`).
"""

import argparse

HELP = "draw README's picture from a run on drawn faces"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: it is the workspace's run."""


def run(arguments: argparse.Namespace) -> None:
    """Draw the picture."""
    from siamese.reports import example

    example.draw()
    print(f"{example.PICTURE} shows the workspace's run")
