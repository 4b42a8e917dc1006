"""What is learned from and evaluated on: images, people and pairs, and the files that hold them.

May import the modules beside the folders, and nothing else of this library.
"""
