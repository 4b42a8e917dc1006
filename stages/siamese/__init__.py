"""Siamese one-shot face verification on Labeled Faces in the Wild.

Data flows one way: archive, faces, batches, embeddings, scores, figures.
"""
