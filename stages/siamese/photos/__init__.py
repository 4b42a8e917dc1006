"""From photographs to an answer: load, find faces, align, compare.

`loading`, `detection` (or `yunet`) and `framing` are the path of a photograph; `verifier` compares
two, `gallery` finds people. May import `alignment`, `dataset` and `networks`.
"""
