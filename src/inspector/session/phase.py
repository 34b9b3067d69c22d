"""How far something is that takes its time."""

from __future__ import annotations

from typing import Literal

Phase = Literal["none", "waiting", "running", "ready", "failed", "cancelled"]
