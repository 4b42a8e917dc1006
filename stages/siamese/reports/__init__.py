"""What is made of several runs: comparisons, tables and drawings for README and docs.

May import `alignment`, `dataset`, `drawing`, `evaluation`, `lfw`, `networks` and `photos`. No stage
imports it.
"""
