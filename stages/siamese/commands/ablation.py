"""What each stream of the workspace's ensemble contributes: each alone, and all but each.

Prints, for each selection of streams, the loss of the validation pairs, and accuracy and AUC of the
test pairs; the calibration is fitted again each time. The figures are kept in
metrics/ablation.json, from which `siamese report` makes a table in docs/ensemble.md.
"""

import argparse

HELP = "measure what each stream of an ensemble contributes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: it is the workspace's network."""


def run(arguments: argparse.Namespace) -> None:
    """Measure and print."""
    from siamese.reports import ablation

    for row in ablation.update():
        print(
            f"{row['streams']:32} validation loss {row['validation_loss']:.3f}, "
            f"test accuracy {row['test_accuracy']:.1%}, AUC {row['test_auc']:.3f}"
        )
