"""The first lines of every child process: protect the protocol, load our package by its location, run a role.

Started as a script: ``python -P .../bootstrap.py reader``. Nothing beside an opened file and no site-packages of
another Python may shadow a module (seen: a ``json.py`` in a downloads folder), so the package is loaded from where
this file lies and nothing is put on ``sys.path``.
"""

from __future__ import annotations

import os
import sys

ROLES = ("reader", "worker", "engine", "trusted")


def _take_protocol() -> tuple[int, int]:
    """Move the protocol off descriptors 0 and 1: libraries print, and some read."""
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return incoming, outgoing


def _load_package() -> None:
    import importlib.util

    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    spec = importlib.util.spec_from_file_location(
        "inspector", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"Inspector's own package is missing from {folder}")
    package = importlib.util.module_from_spec(spec)
    sys.modules["inspector"] = package
    spec.loader.exec_module(package)


def main() -> None:
    """Run the role named on the command line until the other side closes the pipe."""
    role = sys.argv[1]
    if role not in ROLES:
        raise SystemExit(f"unknown role {role}")
    incoming, outgoing = _take_protocol()
    _load_package()
    import importlib

    importlib.import_module(f"inspector.processes.roles.{role}").run(incoming, outgoing)


if __name__ == "__main__":
    main()
