"""The tables and drawings of README and docs, from DVC's experiments.

With names, the experiments' figures are first taken into metrics/variants.json, plots/variants.csv
and plots/variants-roc.csv, in place of those kept there of the same settings. Tables and drawings
are then made of these files and of View 2's.
"""

import argparse

HELP = "update the tables and drawings of README and docs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the experiments to take in."""
    parser.add_argument(
        "experiments",
        metavar="EXPERIMENT",
        nargs="*",
        help="an experiment's name or hash, or another revision of Git",
    )


def run(arguments: argparse.Namespace) -> None:
    """Update the files."""
    from siamese.reports import documents

    documents.update(arguments.experiments)
