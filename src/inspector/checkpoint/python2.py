"""Names of Python 2 as Python 3 knows them, as ``pickle`` maps them for protocols below 3."""

from __future__ import annotations

# _compat_pickle is CPython's own table (Lib/_compat_pickle.py), the one its unpickler uses.
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING


def python3_name(module: str, name: str) -> tuple[str, str]:
    """Return the Python 3 module and name of a global from a pickle of protocol 0, 1 or 2."""
    mapped = NAME_MAPPING.get((module, name))
    if mapped is not None:
        return mapped
    return IMPORT_MAPPING.get(module, module), name
