from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from inspector.desktop import associations
from inspector.desktop.associations import APP_ID, MEDIA_TYPES, AssociationError, install, remove

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the bundle does it on macOS and Windows")

_ENTRY = Path(".local/share/applications") / f"{APP_ID}.desktop"
_DEFAULTS = Path(".config/mimeapps.list")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "not" / "here"))
    return tmp_path / "home"


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def _entry(home: Path) -> dict[str, str]:
    lines = (home / _ENTRY).read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_install_then_remove_leaves_nothing_of_ours(home: Path) -> None:
    written = install(home, ["/opt/inspector-app"])
    assert all(path.is_file() for path in written)
    assert {path.name for path in written} >= {
        f"{APP_ID}.desktop",
        f"{APP_ID}.xml",
        f"{APP_ID}.metainfo.xml",
        f"{APP_ID}.svg",
        f"{APP_ID}.png",
        "mimeapps.list",
    }
    assert sorted(remove(home)) == sorted(written)
    left = {path for path in _files(home) if "inspector" in path.name.lower() or path.name == "mimeapps.list"}
    assert left == set()
    assert remove(home) == []


def test_installing_again_changes_nothing(home: Path) -> None:
    first = install(home, ["/opt/inspector-app"])
    content = {path: path.read_bytes() for path in first}
    assert install(home, ["/opt/inspector-app"]) == first
    assert {path: path.read_bytes() for path in first} == content


def test_the_current_users_folders_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    install(command=["/opt/inspector-app"])
    assert (tmp_path / "data" / "applications" / f"{APP_ID}.desktop").exists()
    assert (tmp_path / "config" / "mimeapps.list").exists()
    remove()
    assert not (tmp_path / "config" / "mimeapps.list").exists()


def _unquoted(line: str) -> list[str]:
    """Undo the two escapes of the Desktop Entry Specification: the value's, then each argument's."""
    value = line.replace("\\\\", "\0").replace("\0", "\\")
    arguments, current, quoted, escaped = [], "", False, False
    for c in value + " ":
        if escaped:
            current, escaped = current + c, False
        elif quoted and c == "\\":
            escaped = True
        elif c == '"':
            quoted = not quoted
        elif c == " " and not quoted:
            arguments.append(current.replace("%%", "%"))
            current = ""
        else:
            current += c
    return arguments


@pytest.mark.parametrize(
    "command",
    [
        ["/opt/inspector-app"],
        ["/home/a b/bin/inspector-app"],
        ['/we"ird/$HOME/`x`/back\\slash/100%f/ü'],
        ["/usr/bin/python3", "-P", "-m", "inspector"],
    ],
)
def test_exec_is_quoted(home: Path, command: list[str]) -> None:
    install(home, command)
    entry = _entry(home)
    assert _unquoted(entry["Exec"]) == [*command, "%F"]
    assert entry["TryExec"].replace("\\\\", "\\") == command[0]


@pytest.mark.skipif(shutil.which("desktop-file-validate") is None, reason="desktop-file-validate is missing")
def test_installed_entry_is_valid(home: Path) -> None:
    install(home, ['/home/a b/$x/"bin"/inspector-app'])
    done = subprocess.run(["desktop-file-validate", str(home / _ENTRY)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_path_that_no_entry_can_name_is_refused(home: Path) -> None:
    with pytest.raises(AssociationError, match="control character"):
        install(home, ["/opt/new\nline"])
    assert not home.exists()


def test_default_command_is_absolute(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "bin" / "inspector-app"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python3"))
    install(home)
    assert _unquoted(_entry(home)["Exec"]) == [str(script), "%F"]


def test_a_checkout_that_is_not_installed_says_so(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    monkeypatch.setattr(associations, "distribution", missing)
    with pytest.raises(AssociationError, match="not installed"):
        install(home)
    assert not home.exists()


def test_defaults_of_the_person_stay(home: Path) -> None:
    defaults = home / _DEFAULTS
    defaults.parent.mkdir(parents=True)
    before = (
        "# mine\n[Added Associations]\nimage/png=viewer.desktop;\n\n[Default Applications]\n"
        f"{MEDIA_TYPES[0]}=other.desktop\nimage/png=viewer.desktop\n"
    )
    defaults.write_text(before)
    install(home, ["/opt/inspector-app"])
    ours = f"{MEDIA_TYPES[1]}={APP_ID}.desktop;\n"
    assert defaults.read_text() == before.replace("Applications]\n", f"Applications]\n{ours}")
    remove(home)
    assert defaults.read_text() == before


def test_a_default_chosen_since_then_stays(home: Path) -> None:
    install(home, ["/opt/inspector-app"])
    defaults = home / _DEFAULTS
    text = defaults.read_text()
    defaults.write_text(text.replace(f"{MEDIA_TYPES[0]}={APP_ID}.desktop;", f"{MEDIA_TYPES[0]}=other.desktop"))
    remove(home)
    assert defaults.read_text() == f"[Default Applications]\n{MEDIA_TYPES[0]}=other.desktop\n"


def test_defaults_without_the_section_or_a_last_line_end(home: Path) -> None:
    defaults = home / _DEFAULTS
    defaults.parent.mkdir(parents=True)
    defaults.write_bytes(b"[Added Associations]\r\nx/y=\xff.desktop;")
    install(home, ["/opt/inspector-app"])
    assert defaults.read_bytes().startswith(b"[Added Associations]\r\nx/y=\xff.desktop;\n\n[Default Applications]\n")
    remove(home)
    assert defaults.read_bytes().startswith(b"[Added Associations]\r\nx/y=\xff.desktop;\n")


def test_defaults_that_are_a_link_stay_a_link(home: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "mimeapps.list"
    real.parent.mkdir()
    real.write_text("[Default Applications]\na/b=c.desktop\n")
    defaults = home / _DEFAULTS
    defaults.parent.mkdir(parents=True)
    defaults.symlink_to(real)
    install(home, ["/opt/inspector-app"])
    assert defaults.is_symlink()
    assert APP_ID in real.read_text()


def test_damaged_manifest_does_not_lead_to_other_files(home: Path) -> None:
    install(home, ["/opt/inspector-app"])
    manifest = home / ".local/share/inspector/associations.json"
    precious = home / ".local/share/applications/precious.desktop"
    precious.write_text("mine")
    outside = home / f"{APP_ID}.desktop"
    outside.write_text("mine")
    manifest.write_text(
        f'{{"files": ["applications/precious.desktop", "../../{outside.name}", "{outside}", 3],'
        ' "defaults": ["image/png", null]}'
    )
    remove(home)
    assert precious.exists()
    assert outside.exists()


def test_unwritable_folder_is_one_sentence(home: Path) -> None:
    home.mkdir()
    (home / ".local").write_text("a file, not a folder")
    with pytest.raises(AssociationError, match=r"\.local") as caught:
        install(home, ["/opt/inspector-app"])
    assert "\n" not in caught.value.sentence


def test_files_are_readable_by_the_desktop(home: Path) -> None:
    assert all(os.stat(path).st_mode & 0o044 for path in install(home, ["/opt/inspector-app"]))


@pytest.mark.parametrize(("platform", "what"), [("darwin", "macOS"), ("win32", "Windows")])
def test_other_systems_have_it_from_the_bundle(
    platform: str, what: str, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    for verb in (install, remove):
        with pytest.raises(AssociationError, match=f"On {what} the file associations come with"):
            verb(home)
