"""Pictures of drawn faces: README's docs/example.png, decisions on test pairs; docs/alignment.png.

Shows the workspace's run, which must be one on drawn faces (`dvc exp run -S dataset=synthetic`):
one of a recipe that aligns (`-S recipe=quick -S scheduler=onecycle`) shows faces that are aligned.
"""

import argparse

HELP = "draw the pictures of README and docs from a run on drawn faces"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: it is the workspace's run."""


def run(arguments: argparse.Namespace) -> None:
    """Draw the picture."""
    from siamese.reports import example

    for path in example.draw():
        print(f"{path} shows the workspace's run")
