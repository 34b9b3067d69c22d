"""Inspector: open PyTorch checkpoints, look at the weights, attach them to torchvision and predict.

The rooms (sub-packages) are described in ``ARCHITECTURE.md``; each says in its own docstring what it is for
and what it may import. Importing this package imports nothing else.
"""

__version__ = "0.1.0"
