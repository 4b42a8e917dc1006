"""Image features that are not learned step by step, and how they are reduced.

Oriented gradients; patches, their mixture of Gaussians and Fisher vectors; discriminant analysis.
May import the modules beside the folders, and nothing else of this library.
"""
