"""Frames and messages between the processes, their roles, and their clients in plain Python.

The clients know subprocesses and threads, never Qt. Each role (reader, worker, engine) is started as a script by
``bootstrap.py`` and is reached by name, never by import. May import: engine (in the engine's role alone), weights,
pictures, architectures, checkpoint.
"""
