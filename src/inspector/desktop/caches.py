"""Where Inspector keeps what it could make again."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def survey_folder() -> Path:
    """Return the folder of kept surveys; ``INSPECTOR_CACHE_DIR`` wins over the system's. It may not exist."""
    override = os.environ.get("INSPECTOR_CACHE_DIR")
    return Path(override or platformdirs.user_cache_dir("Inspector", appauthor=False)) / "surveys"
