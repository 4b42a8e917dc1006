"""What is made of several runs: comparisons, tables and drawings for README and docs.

May import `alignment`, `dataset`, `drawing`, `evaluation`, `lfw` and `networks`. No stage imports
it.
"""
