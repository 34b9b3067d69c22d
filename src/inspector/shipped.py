"""Where the files that ship with Inspector are found. A leaf: it imports nothing of ours."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent.parent


def shipped_path(relative: str) -> Path:
    """Return the path of a shipped file or folder, from an installed wheel or from a checkout.

    Parameters
    ----------
    relative
        Path below ``resources/``, for example ``"demo/digits.pth"``. What lies below ``packaging/linux`` in a
        checkout is found as ``"linux/..."`` in both.

    Raises
    ------
    FileNotFoundError
        Neither the wheel nor the checkout holds it: the installation is incomplete.
    """
    candidates = [_PACKAGE / "_resources" / relative, _CHECKOUT / "resources" / relative]
    if relative.startswith("linux"):
        candidates.append(_CHECKOUT / "packaging" / relative)
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise FileNotFoundError(f"Inspector's own file {relative} is missing: install Inspector again.")
