"""The Python environments of this machine, told by their files alone: the engine may run on any of them.

Nothing that is found is ever run here, and nothing of it is imported: versions come from ``pyvenv.cfg``,
``conda-meta``, the folders' names, ``*.dist-info/METADATA`` and ``torch/version.py``, read as text within limits.
The standard library only; torch is a word here.
"""

from inspector.pythons.beside import folder_beside
from inspector.pythons.describing import describe
from inspector.pythons.environment import Kind, PythonEnvironment
from inspector.pythons.finding import find
from inspector.pythons.surroundings import Surroundings, look_up

__all__ = ["Kind", "PythonEnvironment", "Surroundings", "describe", "find", "folder_beside", "look_up"]
