"""The subcommands of `siamese`, one module each, of the same name.

A module has `HELP`, `add_arguments(parser)` and `run(arguments)`, and imports what takes long only
when it runs. May import everything; nothing imports it.
"""

COMMANDS = ("significance", "report", "ablation", "unaligned", "example")
