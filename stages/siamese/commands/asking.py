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


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add which network is asked."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", type=Path, metavar="FILE", help=f"model file; default: {MODEL}")
    which.add_argument(
        "--rev", metavar="EXPERIMENT", help="the network of an experiment or another revision"
    )


def add_question(parser: argparse.ArgumentParser) -> None:
    """Add which network is asked, at which threshold, and of what photographs."""
    add_model(parser)
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


def load_verifier(arguments: argparse.Namespace) -> "Verifier":
    """Return the verifier of the network that the command line names."""
    from siamese import machine
    from siamese.photos.verifier import Verifier

    machine.prepare()
    if arguments.rev is not None:
        from siamese.reports import stored

        with stored.local_copy(str(MODEL), arguments.rev) as path:
            return Verifier.load(path)
    return Verifier.load(arguments.model or MODEL)


def load(arguments: argparse.Namespace) -> "tuple[Verifier, OperatingPoint]":
    """Return the verifier that the command line names, and its threshold."""
    verifier = load_verifier(arguments)
    if arguments.threshold is not None:
        return verifier, verifier.at_probability(arguments.threshold)
    if arguments.far is not None:
        return verifier, verifier.at_false_accept_rate(arguments.far)
    return verifier, verifier.default()


def warn(warnings: Iterable[str]) -> None:
    """Print warnings on standard error, where they disturb no JSON."""
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


def describe(point: "OperatingPoint", trained: dict[str, object]) -> list[str]:
    """Return lines on a threshold, its error rates, and what the network was trained on."""
    lines = [f"threshold {point.probability:.3f}"]
    if point.false_accept_rate is not None and point.false_reject_rate is not None:
        different, same = point.pairs
        lines[0] += (
            f": on validation people it accepts {point.false_accept_rate:.1%} of different persons "
            f"and rejects {point.false_reject_rate:.1%} of the same ones "
            f"({different:,} and {same:,} pairs)"
        )
    known = ", ".join(f"{name} {value}" for name, value in trained.items())
    return [*lines, f"network: {known or 'nothing is known of its training'}"]
