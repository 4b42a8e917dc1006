"""Drawings, as PNG files. Numbers come from elsewhere.

May import the modules beside the folders, and nothing else of this library.
"""
