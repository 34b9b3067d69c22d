"""Private copies: of the inspected file alone, for nobody else, and gone with their owner."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inspector.checkpoint.errors import FileChangedError
from inspector.checkpoint.source import FileIdentity, InspectedFile
from inspector.processes.private_copy import PrivateCopyError, copy_privately, remove_abandoned

from .conftest import SOURCE

pytestmark = pytest.mark.usefixtures("temporary")


@pytest.fixture
def inspected(tmp_path: Path) -> InspectedFile:
    path = tmp_path / "model.pth"
    path.write_bytes(os.urandom(9_000_000))
    return InspectedFile(path, FileIdentity.of(path))


def test_a_copy_is_hashed_private_and_removed(inspected: InspectedFile, temporary: Path) -> None:
    shares: list[float] = []

    def told(share: float) -> bool:
        shares.append(share)
        return True

    copy = copy_privately(inspected, told)
    data = inspected.path.read_bytes()
    assert copy.path.read_bytes() == data
    assert copy.sha256 == hashlib.sha256(data).hexdigest()
    assert shares == sorted(shares)
    assert len(shares) == 3
    assert shares[-1] == 1
    if os.name == "posix":
        assert stat.S_IMODE(copy.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(copy.path.parent.stat().st_mode) == 0o700
    copy.remove()
    assert list(temporary.iterdir()) == []


def test_another_file_in_its_place_is_not_copied(inspected: InspectedFile, temporary: Path) -> None:
    other = inspected.path.with_name("other")
    other.write_bytes(inspected.path.read_bytes())
    os.utime(other, ns=(inspected.identity.modified_ns, inspected.identity.modified_ns))
    os.replace(other, inspected.path)
    with pytest.raises(FileChangedError, match=r"model\.pth has changed"):
        copy_privately(inspected, lambda _: True)
    assert list(temporary.iterdir()) == []


def test_a_file_that_changes_while_it_is_copied(inspected: InspectedFile, temporary: Path) -> None:
    def told(share: float) -> bool:
        with inspected.path.open("r+b") as file:
            file.write(b"other bytes")
        os.utime(inspected.path, ns=(1, 1))
        return True

    with pytest.raises(FileChangedError):
        copy_privately(inspected, told)
    assert list(temporary.iterdir()) == []


def test_a_copy_that_is_given_up(inspected: InspectedFile, temporary: Path) -> None:
    with pytest.raises(PrivateCopyError):
        copy_privately(inspected, lambda _: False)
    assert list(temporary.iterdir()) == []


def test_no_room(inspected: InspectedFile, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really = os.open

    def full(path: str, flags: int, *mode: int, **options: Any) -> int:
        if flags & os.O_WRONLY and str(path).endswith("copy"):
            raise OSError(28, "No space left on device")
        return really(path, flags, *mode, **options)

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(PrivateCopyError, match="No space left on device") as caught:
        copy_privately(inspected, lambda _: True)
    assert "9 MB" in caught.value.hint
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_what_a_killed_owner_left_is_removed_and_what_is_in_use_is_not(
    inspected: InspectedFile, temporary: Path
) -> None:
    program = (
        "import sys, tempfile; tempfile.tempdir = sys.argv[1]\n"
        "from pathlib import Path\n"
        "from inspector.checkpoint.source import FileIdentity, InspectedFile\n"
        "from inspector.processes.private_copy import copy_privately\n"
        "path = Path(sys.argv[2])\n"
        "copy = copy_privately(InspectedFile(path, FileIdentity.of(path)), lambda _: True)\n"
        "print(copy.path, flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(temporary), str(inspected.path)]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as owner:
        assert owner.stdout is not None
        left = Path(owner.stdout.readline().strip())
        mine = copy_privately(inspected, lambda _: True)
        remove_abandoned()
        assert left.exists()
        owner.send_signal(signal.SIGKILL)
    remove_abandoned()
    assert not left.parent.exists()
    assert mine.path.exists()
    mine.remove()


def test_no_folder_for_temporary_files(inspected: InspectedFile, temporary: Path) -> None:
    temporary.rmdir()
    with pytest.raises(PrivateCopyError, match="can't be made"):
        copy_privately(inspected, lambda _: True)
