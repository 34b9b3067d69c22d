from __future__ import annotations

import json
import logging
import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.desktop.settings import MAX_RECENT, MAX_TRUSTED, Settings, SettingsStore, config_folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config" / "settings.json"


def test_first_start_has_defaults_and_writes_nothing(path: Path) -> None:
    assert SettingsStore(path).settings == Settings()
    assert not path.parent.exists()


def test_changes_are_there_at_the_next_start(path: Path) -> None:
    SettingsStore(path).update(theme="dark", window_geometry="AdnQywAD", engine_python="/usr/bin/python3")
    again = SettingsStore(path).settings
    assert (again.theme, again.window_geometry, again.engine_python) == ("dark", "AdnQywAD", "/usr/bin/python3")
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_only_the_person_can_read_the_file(path: Path) -> None:
    SettingsStore(path).update(theme="light")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_environment_moves_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INSPECTOR_CONFIG_DIR", str(tmp_path))
    assert config_folder() == tmp_path
    SettingsStore().update(device="cpu")
    assert (tmp_path / "settings.json").exists()


def test_recent_files_are_newest_first_unique_and_bounded(path: Path, tmp_path: Path) -> None:
    store = SettingsStore(path)
    for number in range(MAX_RECENT + 3):
        store.add_recent(tmp_path / f"{number}.pth")
    store.add_recent(tmp_path / "10.pth")
    names = [os.path.basename(recent) for recent in SettingsStore(path).settings.recent_files]
    assert names == ["10.pth", "14.pth", "13.pth", "12.pth", "11.pth", *(f"{n}.pth" for n in range(9, 2, -1))]


def test_trusted_files_are_remembered_replaced_bounded_and_forgotten(path: Path, tmp_path: Path) -> None:
    store, code = SettingsStore(path), str(tmp_path)
    for number in range(MAX_TRUSTED + 2):
        store.remember_trust(f"{number:064x}", "", "")
    store.remember_trust(f"{5:064x}", code, "abc")
    kept = SettingsStore(path).trusted_files
    assert len(kept) == MAX_TRUSTED
    assert next(iter(kept.items())) == (f"{5:064x}", (code, "abc"))
    assert f"{0:064x}" not in kept
    store.forget_trust()
    assert SettingsStore(path).trusted_files == {}


@pytest.mark.parametrize("rows", ["all", [["a", "b"]], [["a", "relative", "c"]], [[1, "", ""]], ["abc"]])
def test_a_damaged_list_of_trusted_files_trusts_nothing(path: Path, rows: object) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({"theme": "dark", "trusted": rows}))
    store = SettingsStore(path)
    assert (store.settings.theme, store.trusted_files) == ("dark", {})
    assert path.with_name("settings.json.broken").exists()


def test_recent_files_are_absolute(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert SettingsStore(path).add_recent("a.pth").recent_files == (str(tmp_path / "a.pth"),)


def test_recent_files_can_be_cleared_and_switched_off(path: Path, tmp_path: Path) -> None:
    store = SettingsStore(path)
    store.add_recent(tmp_path / "a.pth")
    assert store.clear_recent().recent_files == ()
    store.add_recent(tmp_path / "b.pth")
    assert store.update(remember_recent=False).recent_files == ()
    assert store.add_recent(tmp_path / "c.pth").recent_files == ()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has file names that are no text")
def test_recent_file_with_a_name_that_is_no_text(path: Path) -> None:
    name = os.fsdecode(b"/data/\xff.pth")
    SettingsStore(path).add_recent(name)
    assert SettingsStore(path).settings.recent_files == (name,)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b'{"theme": ' + b"[" * 100_000,
        b'{"theme": "dark"}' + b" " * (1 << 20),
    ],
    ids=["empty", "half", "list", "null", "bytes", "deep", "huge"],
)
def test_broken_file_is_kept_aside(path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    store = SettingsStore(path)
    assert store.settings == Settings()
    assert path.with_name("settings.json.broken").read_bytes() == content
    assert "damaged" in caplog.text
    store.update(theme="light")
    assert SettingsStore(path).settings.theme == "light"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("theme", "pink"),
        ("theme", ["dark"]),
        ("recent_files", "a.pth"),
        ("recent_files", [1]),
        ("recent_files", ["relative.pth"]),
        ("recent_files", [f"/{n}" for n in range(MAX_RECENT + 1)]),
        ("remember_recent", 1),
        ("window_geometry", None),
        ("device", {}),
        ("engine_python", 3.11),
        ("last_folder", "a\0b"),
    ],
)
def test_foreign_value_costs_only_itself(path: Path, name: str, value: object) -> None:
    path.parent.mkdir()
    other = "window_state"
    path.write_text(json.dumps({name: value, other: "AAAA"}))
    read = SettingsStore(path).settings
    assert getattr(read, name) == getattr(Settings(), name)
    assert read.window_state == "AAAA"
    assert path.with_name("settings.json.broken").exists()


def test_settings_of_a_newer_version_survive(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps({"theme": "dark", "from_the_future": [1, 2]}))
    SettingsStore(path).update(device="cpu")
    assert json.loads(path.read_text())["from_the_future"] == [1, 2]
    assert not path.with_name("settings.json.broken").exists()


def test_folder_in_the_files_place(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.mkdir(parents=True)
    store = SettingsStore(path)
    assert store.update(theme="dark").theme == "dark"
    assert store.settings.theme == "dark"
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]


@pytest.mark.parametrize("changes", [{"theme": "pink"}, {"colour": "red"}, {"recent_files": ["/a"]}])
def test_a_wrong_change_is_refused_and_changes_nothing(path: Path, changes: dict[str, object]) -> None:
    store = SettingsStore(path)
    with pytest.raises(TypeError, match="not a setting"):
        store.update(**changes)
    assert store.settings == Settings()
    assert not path.exists()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(
    content=st.binary(max_size=64)
    | st.dictionaries(st.sampled_from(["theme", "recent_files", "device", "other"]), _json).map(
        lambda value: json.dumps(value).encode()
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)
def test_no_file_stops_the_start(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    read = SettingsStore(path).settings
    assert read.theme in ("system", "light", "dark")
    assert all(os.path.isabs(recent) for recent in read.recent_files)
