"""The subcommands of `siamese`, one module each, of the same name.

A module has `HELP`, `add_arguments(parser)` and `run(arguments)`, which may return an exit status,
and imports what takes long only when it runs. `FAILURE` is the exit status of an error, if not 1.
May import everything; nothing imports it.
"""

COMMANDS = (
    *("verify", "identify", "demo", "export", "card"),
    *("significance", "report", "ablation", "unaligned", "benchmark", "example"),
)
