"""Who of a gallery of known people photographs show.

The gallery is a folder with a folder for each person, or a file for each. One photograph a person
is enough; of several the mean score counts. Prints, for each face, the most probable people;
`unknown` if nobody is above the threshold. The gallery's embeddings are kept in the user's cache
(~/.cache/siamese), not in the gallery; --no-cache keeps none. Exit status: 0, or 2 on an error.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from siamese.commands import asking

HELP = "say who of a gallery photographs show"
FAILURE = asking.FAILURE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the photographs and the gallery."""
    parser.add_argument("photos", metavar="PHOTO", nargs="+", help="- for standard input")
    parser.add_argument("--gallery", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--top", type=top, default=3, metavar="K", help="people to name for a face; default: 3"
    )
    parser.add_argument("--no-cache", action="store_true", help="keep no embeddings")
    asking.add_network(parser)
    asking.add_detector(parser)
    asking.add_question(parser)


def top(text: str) -> int:
    """Return a number from 1."""
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1")
    return int(text)


def run(arguments: argparse.Namespace) -> None:
    """Print who it may be."""
    from siamese.errors import InputError
    from siamese.photos.gallery import Gallery
    from siamese.photos.verifier import open_photo

    verifier, point = asking.load(arguments)
    gallery = Gallery.read(
        arguments.gallery, verifier, aligned=arguments.aligned, keep=not arguments.no_cache
    )
    asking.warn(f"skipped: {reason}" for reason in gallery.skipped)
    asking.warn(
        warning
        for portraits in gallery.people.values()
        for portrait in portraits
        for warning in portrait.warnings
    )
    answers: list[dict[str, Any]] = []
    failed: list[str] = []
    for photo in arguments.photos:
        try:
            name, image = open_photo(photo)
            identified = gallery.identify_all(
                name, image, verifier, point, aligned=arguments.aligned
            )
        except InputError as error:
            failed.append(str(error))
            continue
        for found in identified:
            portrait = found.portrait
            asking.warn(portrait.warnings)
            answers.append(
                {
                    "photo": name,
                    "facial_area": portrait.area,
                    "name": found.name,
                    "threshold": point.probability,
                    "candidates": [vars(each) for each in found.candidates[: arguments.top]],
                    "warnings": list(portrait.warnings),
                }
            )
    if not answers:
        raise InputError("; ".join(failed))
    asking.warn(f"skipped: {reason}" for reason in failed)
    if arguments.json:
        print(json.dumps(answers, indent=2))
        return
    for answer in answers:
        area = answer["facial_area"]
        where = f" (face at {area['x']},{area['y']})" if area else ""
        print(f"{answer['photo']}{where}: {answer['name']}")
        for each in answer["candidates"]:
            print(f"  {each['probability']:6.1%}  {each['name']}")
    print(point, f"network: {verifier.training}", sep="\n")
