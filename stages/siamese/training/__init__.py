"""Training: the loop, what it minimises, how images and learning rate vary, and its checkpoint.

May import `dataset`, `evaluation` and `networks`.
"""
