"""How fast the pipeline is beside the plain way: PyTorch and Pillow as a user would write it.

Both train the Koch network, evaluate pairs and decode images, in turns and in processes of their
own, on drawn faces and on the CPU. Prints for each task how much is done in a second, and the
ratio: the median of the turns, the lowest and the highest; without --quick also how long commands
take from being typed to their answer. Let nothing else run meanwhile. With --images it also
decodes so many images and measures memory; 200,000 take 4 GB in the folder for temporary files.
With --json the figures are kept in a file too; `siamese report` makes tables of
metrics/benchmark.json in docs/speed.md and docs/scaling.md.
"""

import argparse
from pathlib import Path

HELP = "time the pipeline beside the plain way"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how long it may take, how many images to decode, and where to keep the figures."""
    parser.add_argument("--quick", action="store_true", help="under a minute on two CPU cores")
    parser.add_argument(
        "--images", type=int, nargs="+", default=[], metavar="N", help="also decode so many images"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures here too")


def run(arguments: argparse.Namespace) -> None:
    """Measure and print."""
    import tempfile

    import torch

    from siamese import atomic, machine
    from siamese.benchmark import comparison, growth, startup

    training, test, turns = (32, 32, 3) if arguments.quick else (128, 100, 7)
    rows = comparison.measure(training, test, turns)
    described = machine.describe(torch.device("cpu"))
    print(", ".join(f"{name} {value}" for name, value in described.items()))
    for row in rows:
        line = (
            f"{row['task']:24} {row['our_value']:7.0f} {row['unit']:9}"
            f"{row['other_value']:7.0f} {row['other']:32} {row['ratio']:5.1f} times"
        )
        if "ratio_low" in row:
            line += f" ({row['ratio_low']:.1f} to {row['ratio_high']:.1f})"
        print(line)
    commands = []
    if not arguments.quick:
        with tempfile.TemporaryDirectory() as folder:
            commands = startup.measure(Path(folder), turns)
    for row in commands:
        print(
            f"{row['command']:44} {row['seconds']:.2f} s "
            f"({row['seconds_low']:.2f} to {row['seconds_high']:.2f})"
        )
    larger = growth.measure(arguments.images)
    for row in larger:
        print(
            f"{row['images']:9,} images  {row['milliseconds']:.2f} ms each, "
            f"{row['memory']:,.0f} MiB at most"
        )
    if arguments.json is not None:
        figures = {"rows": rows, "commands": commands, "growth": larger}
        atomic.write_json(arguments.json, {**described, **figures})
