"""A trained network in other formats: ONNX.

May import `alignment` and `networks`; no stage imports it.
"""
