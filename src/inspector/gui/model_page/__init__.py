"""The whole model at a glance: a table over all tensors, their distributions along its depth, shares of parameters."""
