"""The code of a model that the person trusts: where its modules are found, and an unpickler that says what is missing.

Only the process of a trusted file imports this. Modules come from the standard library first, then from the folder
that the person named, then from the installed packages: a ``json.py`` in that folder takes nothing's place.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pickle
import sys
import types
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO

from inspector.checkpoint.python2 import python3_name
from inspector.engine.problems import EngineError

#: What a program is called by the pickles that it writes.
_MAIN = "__main__"
_MAX_SCRIPT_BYTES = 2 << 20
_MAX_SCRIPTS = 500
_MOST_REASON = 200
#: How TorchScript begins what it says at the end.
_SCRIPT_FAILED = "The following operation failed in the TorchScript interpreter"


class TrustedCodeError(EngineError):
    """The code that a trusted file needs is missing, or does not work."""


class UnlistedNameError(EngineError):
    """A trusted file asks for something that was not listed when the person agreed."""


def reason(error: BaseException) -> str:
    """Return an error of somebody else's code as a short piece of a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    text = (lines[-1] if lines[0].startswith(_SCRIPT_FAILED) else lines[0])[:_MOST_REASON].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def add_source(folder: Path) -> None:
    """Let modules be found in ``folder``: behind Python's own library, before the installed packages.

    Compiled files beside the sources are neither read nor written: what runs is what can be read there.
    """
    sys.dont_write_bytecode = True
    sys.pycache_prefix = str(Path.cwd() / "compiled")
    packages = [place for place, path in enumerate(sys.path) if Path(path).name in ("site-packages", "dist-packages")]
    sys.path.insert(packages[0] if packages else len(sys.path), str(folder))
    importlib.invalidate_caches()


class NameFinder:
    """Finds the functions and classes that a pickle names, if they were listed to the person.

    Parameters
    ----------
    listed
        The dotted names that the person saw and agreed to.
    source
        The folder that holds the file's own code, None where the person named none.
    """

    def __init__(self, listed: Collection[str], source: Path | None) -> None:
        self._listed = frozenset(listed)
        self._source = source

    def find(self, module: str, name: str) -> Any:
        """Return what a pickle means by ``module`` and ``name``.

        Raises
        ------
        UnlistedNameError
            It was not listed.
        TrustedCodeError
            It is not there, or importing its module fails.
        """
        module, name = self._allowed(module, name)
        found: Any = self._main(name) if module == _MAIN else self._import(module)
        for part in name.split("."):
            try:
                found = getattr(found, part)
            except AttributeError:
                raise self._absent(module, name) from None
        return found

    def _allowed(self, module: str, name: str) -> tuple[str, str]:
        # torch itself calls its module of tensors by its newer name before it asks.
        older = "torch.tensor" if module == "torch._tensor" else module
        for spelled in ((module, name), python3_name(module, name), (older, name)):
            if ".".join(spelled) in self._listed:
                return spelled if spelled[0] != older else (module, name)
        raise UnlistedNameError(
            f"The file asks for {module}.{name}, which it did not show when it was inspected.",
            "Don't load it: it was made to hide that.",
        )

    def _import(self, module: str) -> types.ModuleType:
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise self._missing(module, error.name or module) from None
        except (Exception, SystemExit) as error:
            raise TrustedCodeError(
                f"The module '{module}', which the file needs, can't be imported: {reason(error)}.",
                "Its code may be of another version, or need something that is not installed.",
            ) from error

    def _missing(self, module: str, needed: str) -> TrustedCodeError:
        top = needed.partition(".")[0]
        if module != needed and not module.startswith(f"{needed}."):
            return TrustedCodeError(
                f"The module '{module}' needs the module '{needed}', which is not there.",
                f"Install {top} in the engine's Python ({sys.executable}), or choose the folder that holds it.",
            )
        if needed != top:
            return TrustedCodeError(
                f"The file needs the module '{needed}', which '{top}' here does not have.",
                f"Choose the folder that holds the {top} it was made with, or install that version.",
            )
        where = f", which is not in {self._source}" if self._source is not None else ""
        folder = "another folder: the one" if self._source is not None else "the folder"
        return TrustedCodeError(
            f"The file needs the module '{top}'{where}.", f"Choose {folder} that holds {top}.py or a folder {top}."
        )

    def _absent(self, module: str, name: str) -> TrustedCodeError:
        if module.partition(".")[0] in sys.stdlib_module_names:
            why = f"'{module}' is a module of Python itself, which goes before any folder."
            return TrustedCodeError(f"The file needs {module}.{name}, but {why}", "Attach its weights instead.")
        return TrustedCodeError(
            f"The file needs {name}, which the module '{module}' does not have.",
            "Choose the folder with the version of the code that the file was made with.",
        )

    # -- what was defined in the program itself ------------------------------------------------------------------

    def _main(self, name: str) -> types.ModuleType:
        """Return the module that defines ``name``, which the program that saved the file defined itself."""
        top = name.partition(".")[0]
        said = f"The file's {top} was defined in the program that saved it."
        if self._source is None:
            raise TrustedCodeError(said, f"Choose the folder that holds the .py file which defines {top}.")
        scripts = [path for path in sorted(self._source.glob("*.py"))[:_MAX_SCRIPTS] if _defines(path, top)]
        if not scripts:
            raise TrustedCodeError(
                f"{said} No .py file in {self._source} defines it.", f"Choose the folder of the one that defines {top}."
            )
        if len(scripts) > 1:
            names = " and ".join(path.name for path in scripts[:3])
            raise TrustedCodeError(f"{said} {names} both define it.", "Choose a folder with just the right one.")
        return _run_script(scripts[0])


def _defines(path: Path, name: str) -> bool:
    """Tell whether a Python file defines a class or function; it is read as text, not run."""
    try:
        if path.stat().st_size > _MAX_SCRIPT_BYTES:
            return False
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    kinds = (ast.ClassDef, ast.FunctionDef)
    return any(isinstance(node, kinds) and node.name == name for node in tree.body)


def _run_script(path: Path) -> types.ModuleType:
    """Import a script under a name of its own, so that it neither runs as a program nor takes a library's place."""
    module_name = f"trusted_main_{path.stem}"
    loaded = sys.modules.get(module_name)
    if loaded is not None:
        return loaded
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise TrustedCodeError(f"{path.name} can't be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        raise TrustedCodeError(
            f"{path.name}, which defines what the file needs, can't be imported: {reason(error)}.",
            "Its code may need something that is not installed, or do its work as soon as it is imported.",
        ) from error
    return module


def pickle_module(finder: NameFinder) -> types.ModuleType:
    """Return a module like ``pickle`` whose unpickler finds names by ``finder``, for ``torch.load``."""

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            return finder.find(module, name)

    def load(file: BinaryIO, **options: Any) -> Any:
        return Unpickler(file, **options).load()

    made = types.ModuleType("trusted_pickle")
    made.__dict__.update({name: getattr(pickle, name) for name in pickle.__all__})
    made.__dict__.update(Unpickler=Unpickler, load=load)
    return made
