"""Whether two photographs show the same person.

Prints the verdict and the probability that it is the same person, then the threshold with the
error rates measured at it on validation people, and what the network was trained on. Exit status:
0 the same person, 1 different ones, 2 an error. With --json the answer is on standard output, with
deepface's keys where they mean the same, and everything else on standard error.
"""

import argparse
import json

from siamese.commands import asking

HELP = "say whether two photographs show the same person"
FAILURE = asking.FAILURE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the photographs, and how they are looked at."""
    takes = "a photograph: JPEG, PNG, WebP, BMP, TIFF or HEIC; - for standard input"
    parser.add_argument("first", metavar="A", help=takes)
    parser.add_argument("second", metavar="B", help="another one")
    parser.add_argument(
        "--face",
        metavar="WHICH",
        type=face,
        default=(None, None),
        help="where there are several: largest, or a number from 1; for A and B apart: 2,largest",
    )
    asking.add_network(parser)
    asking.add_detector(parser)
    asking.add_question(parser)


def face(text: str) -> tuple[str | int | None, str | int | None]:
    """Return which face of A and of B an argument names."""
    each: list[str | int] = []
    for part in text.split(","):
        if part != "largest" and not (part.isascii() and part.isdecimal() and int(part) > 0):
            raise argparse.ArgumentTypeError(f"{part!r} is neither largest nor a number from 1")
        each.append(part if part == "largest" else int(part))
    if len(each) > 2:
        raise argparse.ArgumentTypeError("there are two photographs")
    return each[0], each[-1]


def run(arguments: argparse.Namespace) -> int:
    """Print the answer; return the exit status."""
    from siamese.errors import InputError

    if arguments.first == arguments.second == "-":
        raise InputError("standard input holds one photograph; give the other one's file")
    verifier, point = asking.load(arguments)
    answer = verifier.verify(
        arguments.first,
        arguments.second,
        faces=arguments.face,
        aligned=arguments.aligned,
        threshold=point,
    )
    asking.warn(answer.warnings)
    if arguments.json:
        print(json.dumps(answer.as_json(), indent=2))
    else:
        print(f"{answer.verdict} (probability of the same person {answer.probability:.1%})")
        print(point, f"network: {verifier.training}", sep="\n")
    return 0 if answer.verified else 1
