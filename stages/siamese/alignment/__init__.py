"""Alignment: a network that learns to undo a displacement of faces, without labels.

`transforms` has the similarity transforms that align images, `network` estimates them, `learning`
trains it. May import the modules beside the folders, and nothing else of this library.
"""
