"""Whether one run is better than another, on the same test pairs.

Prints the difference of the two runs' accuracies, B's less A's, with its 95 % interval by a paired
bootstrap and McNemar's p-value: at probability 0.5, and at each run's own threshold from
validation.
"""

import argparse

HELP = "compare two runs on the same test pairs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the runs to compare."""
    takes = "an experiment's name or hash, or another revision of Git"
    parser.add_argument("first", metavar="A", help=takes)
    parser.add_argument("second", metavar="B", nargs="?", help=f"{takes}; default: the workspace")


def run(arguments: argparse.Namespace) -> None:
    """Print the comparison."""
    from siamese.reports.comparison import compare

    print(*compare(arguments.first, arguments.second), sep="\n")
