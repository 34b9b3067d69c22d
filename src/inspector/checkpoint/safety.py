"""What each global a pickle names means for safety, from an allow-list of exact names.

A block-list or a prefix never decides that something is safe: scanners built on those have been bypassed again
and again. The list of dangerous names below only makes a verdict more specific than ``unknown``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Literal

from inspector.shipped import shipped_path

Verdict = Literal["tensor", "module", "unknown", "dangerous"]
Safety = Literal["safe", "needs_trust", "dangerous"]

#: The verdicts, the worst first.
SEVERITY: tuple[Verdict, ...] = ("dangerous", "unknown", "module", "tensor")

#: Modules whose every name can act on the machine or run code: the whole module sharpens "unknown".
_DANGEROUS_MODULES = frozenset(
    "_aix_support _ctypes _imp _io _operator _osx_support _pickle _posixsubprocess _pyrepl _socket _sqlite3 _ssl "
    "_thread aiohttp asyncio bdb cProfile cffi cloudpickle code codeop commands compileall concurrent ctypes dill "
    "distutils doctest ensurepip fcntl fileinput ftplib glob http httplib idlelib imaplib imp importlib inspect io "
    "joblib lib2to3 linecache logging marshal mmap multiprocessing netrc nntplib nt ntpath operator os paramiko "
    "pathlib pdb pickle pip pkgutil platform popen2 poplib posix posixpath profile pty pydoc requests resource "
    "runpy sched select shelve shutil signal site smtplib socket socketserver sqlite3 ssl subprocess sys sysconfig "
    "tarfile telnetlib tempfile test thread threading timeit tkinter trace types urllib urllib2 urllib3 uuid venv "
    "webbrowser winreg xmlrpc zipapp zipfile zipimport "
    "numpy.f2py numpy.testing torch._dynamo torch._inductor torch.distributed.elastic torch.distributed.launcher "
    "torch.distributed.rpc torch.distributed.run torch.fx.experimental torch.hub torch.package torch.serialization "
    "torch.utils.bottleneck torch.utils.collect_env torch.utils.cpp_extension torch.utils.data.datapipes".split()
)

#: Single names that can act, in modules that are otherwise harmless.
_DANGEROUS_NAMES = frozenset(
    "builtins.eval builtins.exec builtins.compile builtins.open builtins.getattr builtins.setattr builtins.delattr "
    "builtins.__import__ builtins.globals builtins.locals builtins.vars builtins.input builtins.breakpoint "
    "builtins.apply builtins.execfile builtins.map builtins.filter builtins.memoryview builtins.help "
    "functools.partial functools.reduce torch.load torch.save numpy.load numpy.save numpy.fromfile "
    "pandas.read_pickle pandas.eval torch.jit.load torch.jit.unsupported_tensor_ops.execWrapper".split()
)

#: Bounds of the names above, for a quick look.
_DEEPEST = 8
_LONGEST = 200


@cache
def _allowed() -> dict[str, Verdict]:
    """Return the shipped allow-list: exact dotted name -> ``tensor`` or ``module``."""
    lists = json.loads(shipped_path("checkpoint/globals.json").read_text(encoding="utf-8"))
    verdicts: dict[str, Verdict] = dict.fromkeys(lists["module"], "module")
    verdicts.update(dict.fromkeys(lists["tensor"], "tensor"))
    return verdicts


def verdict(dotted: str) -> Verdict:
    """Return what the global ``dotted`` means: ``tensor``, ``module``, ``unknown`` or ``dangerous``."""
    allowed = _allowed().get(dotted)
    if allowed is not None:
        return allowed
    # A name of a million dots must not be taken apart a million times.
    parts = dotted[:_LONGEST].split(".", _DEEPEST)
    prefixes = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
    dangerous = any(prefix in _DANGEROUS_MODULES or prefix in _DANGEROUS_NAMES for prefix in prefixes)
    return "dangerous" if dangerous else "unknown"


def safety_of(verdicts: Iterable[Verdict]) -> Safety:
    """Return the checkpoint's safety from the verdicts of all its globals."""
    found = set(verdicts)
    if "dangerous" in found:
        return "dangerous"
    return "needs_trust" if found & {"module", "unknown"} else "safe"
