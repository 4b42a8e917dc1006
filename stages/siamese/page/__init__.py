"""The page of `siamese demo`, in a browser on this machine.

`server` runs it, `layout` is what it shows, `answers` writes the answers as HTML, `uploads` holds
photographs until they are replaced, `examples` draws faces. May import `lfw` and `photos`.
"""
