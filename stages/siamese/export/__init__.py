"""A trained network in other formats: ONNX.

May import `alignment`, `dataset`, `networks` and `photos`; no stage imports it.
"""
