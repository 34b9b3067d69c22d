"""What each child process does: read a checkpoint, compute on tensors and images, attach and predict.

A role is imported in its own process only, by ``inspector.processes.bootstrap``.
"""
