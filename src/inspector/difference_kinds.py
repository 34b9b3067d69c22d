"""What can have become of a tensor between two checkpoints. A leaf, for the worker and those who show it."""

#: In the order in which they are shown.
KINDS = ("changed", "shape", "unread", "only_a", "only_b", "equal")
