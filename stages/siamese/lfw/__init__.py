"""Labeled Faces in the Wild: where its files are found, how they are fetched, and what they are.

Also the drawn faces that stand in for it. May import the modules beside the folders, and nothing
else of this library.
"""
