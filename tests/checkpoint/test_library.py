"""``inspector.checkpoint`` as a library: what docs/library.md shows, run as it stands, with neither torch nor Qt."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import inspector.checkpoint

_ROOT = Path(__file__).parents[2]
_DOCUMENT = (_ROOT / "docs" / "library.md").read_text(encoding="utf-8")


@pytest.fixture
def shown(tmp_path: Path) -> list[str]:
    """The lines that the document's examples print, run in one process that must not import torch or Qt."""
    shutil.copy(_ROOT / "resources" / "demo" / "digits.pth", tmp_path)
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(100))
    blocks = re.findall(r"```python\n(.*?)```", _DOCUMENT, re.DOTALL)
    assert len(blocks) == 2
    check = "\nimport sys\nassert not {'torch', 'PySide6'} & set(sys.modules)\n"
    script = "\n".join(blocks) + check
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_examples_print_what_they_say(shown: list[str]) -> None:
    said = re.findall(r"print\(.*\)  # (.*)", _DOCUMENT)
    assert shown[:3] == said[:3]
    assert abs(float(shown[3])) < 0.01
    assert "state_dict.fc.weight" in shown[4] or "state_dict.conv5" in shown[4]
    assert shown[5:8] == ["", "  epoch 50", "  state_dict"]
    assert "photo.jpg is" in shown[-1]


def test_all_names_can_be_imported() -> None:
    for name in inspector.checkpoint.__all__:
        assert getattr(inspector.checkpoint, name).__name__ == name
        assert f"`{name}`" in _DOCUMENT or name == "open_checkpoint"


def test_it_says_that_it_is_typed() -> None:
    assert (Path(inspector.checkpoint.__file__).parents[1] / "py.typed").exists()


@pytest.mark.parametrize("owner", ["Checkpoint", "Tensor"])
def test_every_public_attribute_is_documented(owner: str) -> None:
    cls = getattr(inspector.checkpoint, owner)
    for name, attribute in vars(cls).items():
        if not name.startswith("_") and isinstance(attribute, property):
            assert attribute.__doc__, name
