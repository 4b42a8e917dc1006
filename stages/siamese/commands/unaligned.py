"""The workspace's network on other photographs of its test pairs, such as LFW's original images.

Prints accuracy (at the network's own threshold), AUC and Brier score for the run's own images, and
for those of an archive: as they are, aligned, and as photographs in which the face is looked for. A
pair in which none is found counts as wrong. The figures are kept in metrics/unaligned.json, of
which `siamese report` makes a table in docs/alignment.md.
"""

import argparse
from pathlib import Path

HELP = "evaluate on other photographs of the test pairs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the archive."""
    parser.add_argument(
        "archive",
        metavar="ARCHIVE",
        type=Path,
        help=".tar or .tgz with the images of the test pairs as NAME/NAME_0001.jpg",
    )


def run(arguments: argparse.Namespace) -> None:
    """Measure and print."""
    from siamese.reports import unaligned

    row = unaligned.update(arguments.archive)
    for name in ("own", "as_they_are", "aligned", "photographs"):
        if name in row:
            figures = row[name]
            title = {"own": f"the run's own ({row['dataset']})"}.get(name, name.replace("_", " "))
            print(
                f"{title:32} {figures['accuracy_at_threshold']:.1%}, AUC {figures['auc']:.3f}, "
                f"Brier score {figures['brier_score']:.3f}"
            )
    found = row["photographs"]
    print(f"no face in {found['without_face']} of {found['photographs']:,} photographs")
