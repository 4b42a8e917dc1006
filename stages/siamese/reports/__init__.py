"""What is made of several runs: comparisons, tables and drawings for README and docs.

May import `dataset`, `drawing`, `evaluation` and `networks`. No stage imports it.
"""
