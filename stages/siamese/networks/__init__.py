"""The networks, from images to scores, and the file that holds a trained one.

`contract` says what a network offers; `koch` is the experiment's; `ensemble` combines `streams`;
`backbone` takes a network of torchvision.
May import `alignment` and `features`.
"""
