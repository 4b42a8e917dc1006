"""How well a network verifies and identifies: figures from scores and labels.

May import `dataset`. Imports no torch.
"""
