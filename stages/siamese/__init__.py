"""Siamese one-shot face verification on Labeled Faces in the Wild.

Data flows one way: archive, images, batches, embeddings, scores, figures. Each folder says in its
`__init__.py` what is in it and which of the others it may import.
"""
