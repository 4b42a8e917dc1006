"""The command `siamese`, also `python -m siamese`."""

import argparse
from importlib import import_module

from siamese import errors
from siamese.commands import COMMANDS


def main() -> None:
    """Run the subcommand that the command line names."""
    parser = argparse.ArgumentParser(
        prog="siamese",
        description="Siamese one-shot face verification: ask a network, compare runs.",
        epilog="With SIAMESE_DEBUG=1 in the environment an error shows its traceback.",
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = import_module(f"siamese.commands.{name}")
        subparser = subparsers.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run, failure=getattr(module, "FAILURE", 1))
    arguments = parser.parse_args()
    errors.run(
        lambda: arguments.run(arguments),
        after_interrupt="nothing was written",
        status=arguments.failure,
    )


if __name__ == "__main__":
    main()
