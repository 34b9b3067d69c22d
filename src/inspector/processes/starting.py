"""Starting a child process: by script, in a private empty folder, in a cleaned environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

Role = Literal["reader", "worker", "engine", "trusted"]

_BOOTSTRAP = Path(__file__).resolve().with_name("bootstrap.py")

#: What torch's compiler keeps, in the folder of a process.
COMPILER_FOLDER = "torchinductor"

#: Variables that would bend another Python, or load a bundle's libraries into it.
_REMOVED = (
    "PYTHON",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "DYLD_",
    "QT_",
    "_MEIPASS",
    "_PYI",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)


def clean_environment(folder: str) -> dict[str, str]:
    """Return our environment without what would bend another Python, for a process that runs in ``folder``.

    A bundle's launcher keeps the person's own library path as ``LD_LIBRARY_PATH_ORIG``; that one is given back.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_REMOVED)}
    original = os.environ.get("LD_LIBRARY_PATH_ORIG")
    if original:
        kept["LD_LIBRARY_PATH"] = original
    kept["PYTHONUTF8"] = "1"
    # Idle threads of torch sleep instead of spinning: with the processor shared, resnet18 took 57 ms, not 180 ms.
    kept.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # torchvision's import makes this folder, in the temporary files of the person if it is not told where.
    kept["TORCHINDUCTOR_CACHE_DIR"] = os.path.join(os.path.realpath(folder), COMPILER_FOLDER)
    return kept


def start(role: Role, folder: str, python: str | None = None) -> subprocess.Popen[bytes]:
    """Start the process of ``role`` and return it, its pipes open.

    Parameters
    ----------
    role
        The reader runs isolated and without site-packages: it needs the standard library alone.
    folder
        A private empty folder to run in.
    python
        The interpreter; ours where None.

    Raises
    ------
    OSError
        The interpreter can't be started.
    """
    flags = ["-I", "-S"] if role == "reader" else ["-P"]
    return subprocess.Popen(
        [python or sys.executable, *flags, "-X", "utf8", str(_BOOTSTRAP), role],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=clean_environment(folder),
        bufsize=0,
        # A Ctrl+C in the terminal is ours to handle; the child ends with its pipe.
        start_new_session=os.name == "posix",
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
