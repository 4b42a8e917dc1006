"""What the subcommands that ask a network about photographs have in common."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from siamese.photos.verifier import OperatingPoint, Verifier

MODEL = Path("data/model.safetensors")
FAILURE = 2  # exit status of an error, since 1 is an answer


def add_network(parser: argparse.ArgumentParser) -> None:
    """Add which network is asked."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", type=Path, metavar="FILE", help=f"model file; default: {MODEL}")
    which.add_argument(
        "--rev", metavar="EXPERIMENT", help="the network of an experiment or another revision"
    )
    parser.set_defaults(yunet=None)


def add_detector(parser: argparse.ArgumentParser) -> None:
    """Add what finds the faces."""
    parser.add_argument(
        "--yunet", type=Path, metavar="FILE", help="find faces by YuNet, from its ONNX file"
    )


def add_question(parser: argparse.ArgumentParser) -> None:
    """Add the threshold, what the photographs are, and how the answer is printed."""
    point = parser.add_mutually_exclusive_group()
    point.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="probability of the same person above which it is one, from 0 to 1; default: that of "
        "the highest accuracy on the validation people",
    )
    point.add_argument(
        "--far",
        type=float,
        metavar="RATE",
        help="the threshold at which so few different persons are accepted, such as 0.01",
    )
    parser.add_argument(
        "--aligned",
        action="store_true",
        help="the photographs are crops as LFW has them; no face is looked for",
    )
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


def load_network(arguments: argparse.Namespace) -> "Verifier":
    """Return the verifier that the command line names."""
    from siamese import machine
    from siamese.photos.verifier import Verifier

    machine.prepare()
    if arguments.rev is None:
        return Verifier.load(arguments.model or MODEL, arguments.yunet)
    from siamese.reports import stored

    with stored.local_copy(str(MODEL), arguments.rev) as path:
        return Verifier.load(path, arguments.yunet)


def load(arguments: argparse.Namespace) -> "tuple[Verifier, OperatingPoint]":
    """Return the verifier that the command line names, and its threshold."""
    verifier = load_network(arguments)
    if arguments.threshold is not None:
        return verifier, verifier.at_probability(arguments.threshold)
    if arguments.far is not None:
        return verifier, verifier.at_false_accept_rate(arguments.far)
    return verifier, verifier.default()


def warn(warnings: Iterable[str]) -> None:
    """Print warnings on standard error, where they disturb no JSON."""
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
