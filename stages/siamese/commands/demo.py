"""A page in the browser: do two photographs show the same person, and who of a gallery is it.

The page is on this machine only: no request goes elsewhere. Photographs stay in memory, and their
files are deleted as soon as the answer is given. A gallery's embeddings are kept in the user's
cache (~/.cache/siamese), as those of `siamese identify` are; --no-cache keeps none. Ctrl-C ends it.
"""

import argparse
from pathlib import Path

from siamese.commands import asking

HELP = "ask a network about photographs on a page in the browser"
FAILURE = asking.FAILURE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the network, the port, and the gallery that the page starts with."""
    asking.add_network(parser)
    asking.add_detector(parser)
    parser.add_argument("--port", type=int, default=7860, help="default: 7860; 0 is any free one")
    parser.add_argument("--gallery", type=Path, metavar="FOLDER", help="that the page starts with")
    parser.add_argument("--no-cache", action="store_true", help="keep no embeddings of a gallery")


def run(arguments: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    from siamese.page import server

    with server.listen(arguments.port) as listening:
        server.check()
        verifier = asking.load_network(arguments)
        server.serve(verifier, listening, arguments.gallery, keep=not arguments.no_cache)
