"""How fast the pipeline is beside what a user would write.

`plain` is the plain way, `ours` the pipeline's own parts, `comparison` times them in turns;
`startup` times commands.
May import `alignment`, `dataset`, `lfw`, `networks` and `training`; no stage imports it.
"""
