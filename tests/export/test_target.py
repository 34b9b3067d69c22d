"""A copy is put in place whole or not at all, and over nothing that was not offered."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.errors import FileChangedError
from inspector.checkpoint.source import FileIdentity
from inspector.export.convert import convert
from inspector.export.errors import TargetError, TargetExistsError
from inspector.export.plan import Plan, make_plan
from inspector.export.target import Target, part_path


@pytest.fixture(params=["nameless", "named"])
def _kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the unfinished file without a name, where the system can, or with one."""
    if request.param == "named":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    elif not hasattr(os, "O_TMPFILE"):
        pytest.skip("this system has no files without a name")


pytestmark = pytest.mark.usefixtures("_kind")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(out: Path, content: bytes = b"new", *, force: bool = False, own: tuple[FileIdentity, ...] = ()) -> None:
    with Target(out, "token", force=force, own=own) as target:
        target.reserve(len(content))
        target.file.write(content)
        target.commit()


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    torch.save({"a.weight": torch.rand(3_000_000)}, tmp_path / "original.pth")
    with open_checkpoint(tmp_path / "original.pth") as checkpoint:
        return make_plan(checkpoint, 0)


def nothing(done: int, total: int) -> None:
    """Tell nobody."""


def test_a_new_file(tmp_path: Path) -> None:
    write(tmp_path / "new.pth")
    assert (tmp_path / "new.pth").read_bytes() == b"new"
    assert names(tmp_path) == ["new.pth"]
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "new.pth").stat().st_mode & 0o777 == 0o666 & ~mask


def test_what_is_there_stays_without_force(tmp_path: Path) -> None:
    (tmp_path / "old.pth").write_bytes(b"old")
    with pytest.raises(TargetExistsError, match=r"old.pth is there already") as caught:
        write(tmp_path / "old.pth")
    assert caught.value.hint == "Choose another name, or allow replacing it."
    (tmp_path / "link.pth").symlink_to(tmp_path / "nowhere.pth")
    with pytest.raises(TargetExistsError):
        write(tmp_path / "link.pth")
    assert names(tmp_path) == ["link.pth", "old.pth"]
    assert (tmp_path / "old.pth").read_bytes() == b"old"


def test_force_replaces_a_file_and_what_a_link_points_to(tmp_path: Path) -> None:
    (tmp_path / "old.pth").write_bytes(b"old")
    (tmp_path / "link.pth").symlink_to(tmp_path / "old.pth")
    write(tmp_path / "link.pth", force=True)
    assert (tmp_path / "link.pth").is_symlink()
    assert (tmp_path / "old.pth").read_bytes() == b"new"
    write(tmp_path / "old.pth", b"newer", force=True)
    assert (tmp_path / "old.pth").read_bytes() == b"newer"
    assert names(tmp_path) == ["link.pth", "old.pth"]


@pytest.mark.parametrize("force", [False, True])
def test_the_checkpoints_own_file_is_never_written_over(tmp_path: Path, force: bool) -> None:
    own = tmp_path / "own.pth"
    own.write_bytes(b"own")
    (tmp_path / "symbolic.pth").symlink_to(own)
    os.link(own, tmp_path / "hard.pth")
    for name in ("own.pth", "symbolic.pth", "hard.pth"):
        with pytest.raises(TargetError, match=f"{name} is the checkpoint itself"):
            write(tmp_path / name, force=force, own=(FileIdentity.of(own),))
    assert own.read_bytes() == b"own"


def test_a_folder_and_a_pipe_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder.pth").mkdir()
    os.mkfifo(tmp_path / "pipe.pth")
    with pytest.raises(TargetError, match=r"folder.pth is a folder"):
        write(tmp_path / "folder.pth", force=True)
    with pytest.raises(TargetError, match=r"pipe.pth is no ordinary file"):
        write(tmp_path / "pipe.pth", force=True)


def test_a_file_that_appears_meanwhile_is_left(tmp_path: Path) -> None:
    out = tmp_path / "new.pth"
    with Target(out, "token", force=False, own=()) as target:
        target.file.write(b"new")
        out.write_bytes(b"theirs")
        with pytest.raises(TargetExistsError, match=r"new.pth appeared meanwhile"):
            target.commit()
    assert out.read_bytes() == b"theirs"
    assert names(tmp_path) == ["new.pth"]


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **more: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    monkeypatch.setattr(os, "link", refuse)
    write(tmp_path / "new.pth")
    assert (tmp_path / "new.pth").read_bytes() == b"new"
    assert names(tmp_path) == ["new.pth"]


def test_an_error_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "old.pth").write_bytes(b"old")
    target = Target(tmp_path / "old.pth", "token", force=True, own=())
    with pytest.raises(KeyError), target:
        target.file.write(dict[str, bytes]()["a mistake"])
    assert names(tmp_path) == ["old.pth"]
    assert (tmp_path / "old.pth").read_bytes() == b"old"


def test_no_folder_and_no_permission(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"There is no folder .*nowhere") as caught:
        write(tmp_path / "nowhere" / "new.pth")
    assert caught.value.hint == "Make it first."
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TargetError, match="can't be written: Not a directory"):
        write(tmp_path / "file" / "new.pth")


def test_a_full_disk_is_told_before_and_in_the_middle(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        Target(tmp_path / "new.pth", "token", force=False, own=()) as target,
        pytest.raises(TargetError, match=r"not enough room for new.pth"),
    ):
        target.reserve(1 << 60)
    monkeypatch.setattr(Target, "reserve", lambda self, nbytes: None)
    if not Path("/dev/full").exists():
        pytest.skip("this system has no disk that is always full")
    monkeypatch.setattr(Target, "_open", lambda self: os.fdopen(os.open("/dev/full", os.O_WRONLY), "wb"))
    with pytest.raises(TargetError, match=r"not enough room for new.pth") as caught:
        convert(plan, tmp_path / "new.pth", "token", nothing, force=False)
    assert caught.value.hint == "Free some, or choose another place."
    assert names(tmp_path) == ["original.pth"]


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_what_changed_since_it_was_inspected_is_not_copied(tmp_path: Path, plan: Plan, suffix: str) -> None:
    original, out = tmp_path / "original.pth", tmp_path / f"new{suffix}"
    changed = False

    def change(done: int, total: int) -> None:
        nonlocal changed
        if not changed:
            with original.open("r+b") as file:
                file.seek(-1, os.SEEK_END)
                file.write(b"x")
            changed = True

    with pytest.raises(FileChangedError, match=r"original.pth has changed"):
        convert(plan, out, "token", change, force=False)
    assert changed
    with pytest.raises(FileChangedError):
        convert(plan, out, "token", nothing, force=False)
    assert names(tmp_path) == ["original.pth"]


def test_the_unfinished_file_lies_beside_the_copy(tmp_path: Path) -> None:
    assert part_path(tmp_path / "new.pth", "token") == tmp_path / ".inspector-token.part"
