"""How fast the pipeline is beside what a user would write.

`plain` is the plain way, `ours` the pipeline's own parts, `comparison` times them in turns.
May import `dataset`, `lfw`, `networks` and `training`; no stage imports it.
"""
