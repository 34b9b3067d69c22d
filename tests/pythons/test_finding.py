"""Environments found by their files on made-up trees of each system, and that none of them is run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inspector.pythons import PythonEnvironment, Surroundings, find, look_up

from . import trees

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the trees have symbolic links and programs by permission")


def found(home: Path, platform: str = "linux", **more: object) -> dict[str, PythonEnvironment]:
    """Return what a search finds in a made-up home, by executable; the machine's own places are not asked."""
    environ = {"PATH": "", **more.pop("environ", {})}  # type: ignore[dict-item]
    places = Surroundings(home, environ, platform, **more)  # type: ignore[arg-type]
    every = find(places)
    return {row.executable: row for row in every if row.executable.startswith(str(home.parent))}


def test_the_kinds_on_linux(tmp_path: Path) -> None:
    home = tmp_path / "home"
    trees.with_torch(trees.virtual(home / ".virtualenvs" / "paper"))
    trees.with_torch(trees.virtual(home / ".cache/pypoetry/virtualenvs/thesis-x1-py3.12"), "2.9.1", "0.24.1")
    trees.with_torch(trees.conda(home / "miniconda3" / "envs" / "vision", "3.11.9"), "2.7.0+rocm6.3", "0.22.0+rocm6.3")
    trees.system(home / ".pyenv" / "versions" / "3.13.1", "3.13.1")
    rows = found(home)
    shown = {row.name: (row.kind, row.python, row.torch, row.torchvision, row.usable) for row in rows.values()}
    assert shown == {
        "paper": ("virtual", "3.12.4", "2.6.0+cu126", "0.21.0+cu126", True),
        "thesis-x1-py3.12": ("virtual", "3.12.4", "2.9.1+cpu", "0.24.1", True),
        "vision": ("conda", "3.11.9", "2.7.0+rocm6.3", "0.22.0+rocm6.3", True),
        "Python 3.13": ("system", "3.13.1", "", "", False),
    }
    assert not list(tmp_path.rglob("canary"))


def test_a_mac(tmp_path: Path) -> None:
    home = tmp_path / "home"
    trees.with_torch(trees.virtual(home / "Library/Caches/pypoetry/virtualenvs/app"), "2.8.0", "0.23.0")
    cellar = tmp_path / "Cellar/python@3.12/3.12.4/Frameworks/Python.framework/Versions/3.12"
    trees.system(cellar)
    brew = tmp_path / "homebrew"
    trees.with_torch(brew / "lib/python3.12/site-packages", "2.8.0", "0.23.0")
    (brew / "bin").mkdir()
    (brew / "bin/python3").symlink_to(cellar / "bin/python3.12")
    rows = found(home, "darwin", environ={"PATH": f"{brew}/bin:/usr/bin"})
    assert {row.name: (row.kind, row.python, row.torch) for row in rows.values()} == {
        "app": ("virtual", "3.12.4", "2.8.0"),
        "Python 3.12": ("system", "3.12.4", "2.8.0"),
    }
    assert all(row.usable for row in rows.values())


def test_windows(tmp_path: Path) -> None:
    home, local = tmp_path / "home", tmp_path / "home/AppData/Local"
    trees.with_torch(trees.windows_virtual(home / ".virtualenvs" / "paper"))
    installed = local / "Programs/Python/Python312"
    trees.program(installed / "python.exe")
    (installed / "python312.dll").touch()
    (installed / "Lib/site-packages/pip").mkdir(parents=True)
    trees.with_torch(home / "AppData/Roaming/Python/Python312/site-packages", "2.6.0+cpu", "0.21.0+cpu")
    store = trees.program(local / "Microsoft/WindowsApps/python.exe")
    rows = found(home, "win32", environ={"PATH": f"{store.parent};C:\\x", "LOCALAPPDATA": str(local)})
    assert {row.name: (row.kind, row.python, row.torch) for row in rows.values()} == {
        "paper": ("virtual", "3.12.4", "2.6.0+cu126"),
        "Python 3.12": ("system", "3.12", "2.6.0+cpu"),  # pip install --user
    }


def test_the_own_one_leads_and_the_chosen_one_is_listed_even_where_it_is_gone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    trees.with_torch(trees.virtual(home / "own"))
    trees.virtual(home / ".venvs" / "other")
    gone = home / "gone" / "bin" / "python"
    rows = list(found(home, own=str(home / "own/bin/python3"), chosen=str(gone)).values())
    assert [(row.kind, row.name) for row in rows] == [
        ("app", "Inspector's own"),
        ("system", "Python"),
        ("virtual", "other"),
    ]
    assert rows[1].problem == "there is no such program."


def test_each_environment_is_listed_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    env, kept = home / "miniconda3" / "envs" / "vision", home / ".conda" / "environments.txt"
    trees.conda(env)
    trees.system(tmp_path / "usr")
    kept.parent.mkdir()
    kept.write_text(f"{env}\n{home}/deleted\nrelative/env\n\n", encoding="utf-8")
    (tmp_path / "bin").symlink_to(tmp_path / "usr" / "bin")
    environ = {"CONDA_PREFIX": str(env), "PATH": f"{env}/bin:{tmp_path}/usr/bin:{tmp_path}/bin"}
    assert sorted(row.name for row in found(home, environ=environ).values()) == ["Python 3.12", "vision"]


def test_a_folder_of_the_path_that_is_relative_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees.program(tmp_path / "python3")
    monkeypatch.chdir(tmp_path)
    places = Surroundings(tmp_path / "home", {"PATH": ":.:./bin"}, "linux")
    assert [row for row in find(places) if row.executable.startswith((".", str(tmp_path)))] == []
    assert look_up("python3", places) is None


def test_what_lies_beside_an_opened_file_is_not_offered(tmp_path: Path) -> None:
    home, downloads = tmp_path / "home", tmp_path / "downloads"
    trees.virtual(downloads / "model" / "venv")
    trees.program(downloads / "model" / "python3")
    trees.virtual(home / ".venvs" / "mine")
    environ = {"PATH": f"{downloads}/model", "VIRTUAL_ENV": f"{downloads}/model/venv"}
    assert len(found(home, environ=environ)) == 3
    beside = found(home, environ=environ, avoided=(str(downloads / "model"),))
    assert [row.name for row in beside.values()] == ["mine"]
    (tmp_path / "link").symlink_to(downloads)
    assert len(found(home, environ=environ, avoided=(str(tmp_path / "link" / "model"),))) == 1


def test_a_file_in_the_home_does_not_hide_the_home_s_environments(tmp_path: Path) -> None:
    home = tmp_path / "home"
    trees.virtual(home / ".venvs" / "mine")
    trees.program(home / "python3")
    rows = found(home, environ={"PATH": str(home)}, avoided=(str(home),))
    assert [row.name for row in rows.values()] == ["mine"]


def test_broken_endless_and_huge_things_do_not_hurt(tmp_path: Path) -> None:
    home = tmp_path / "home"
    envs = home / ".virtualenvs"
    trees.with_torch(trees.virtual(envs / "good"))
    (envs / "file").touch()
    (envs / "loop").symlink_to(envs / "loop")
    (envs / "dangling" / "bin").mkdir(parents=True)
    (envs / "dangling/bin/python3").symlink_to("/nowhere/python3")
    pipe = trees.virtual(envs / "pipe") / "torch"
    pipe.mkdir()
    os.mkfifo(pipe / "version.py")  # whoever opens it waits for ever
    large = trees.virtual(envs / "large") / "torch"
    large.mkdir()
    (large / "version.py").write_bytes(b"\xff" * (1 << 20))
    own = trees.virtual(envs / "own base", include_system_site_packages="true", home=str(envs / "own base/bin"))
    (own / "more.pth").write_text("import os; os.system('true')\n\n/nowhere\n" + "x\n" * 10_000, encoding="utf-8")
    crowded = trees.virtual(envs / "crowded")
    for number in range(6_000):
        (crowded / f"package{number}").touch()
    (home / ".conda").mkdir()
    (home / ".conda/environments.txt").write_bytes(b"/nul\0name\n\xff\xfe\n" + b"/x" * 9_000)
    unreadable = envs / "unreadable"
    trees.virtual(unreadable)
    (unreadable / "lib").chmod(0)
    try:
        rows = {row.name: row for row in found(home).values()}
    finally:
        (unreadable / "lib").chmod(0o755)
    assert set(rows) == {"good", "pipe", "large", "own base", "crowded", "unreadable"}
    assert [name for name, row in rows.items() if row.torch] == ["good"]


def test_the_search_ends_in_time_and_number(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for number in range(130):
        trees.virtual(home / ".venvs" / f"env{number}")
    assert list(find(Surroundings(home, {"PATH": ""}, "linux"), seconds=0)) == []
    assert len(list(find(Surroundings(home, {"PATH": ""}, "linux")))) == 100


def test_a_description_travels_as_plain_data() -> None:
    row = PythonEnvironment("/a/bin/python", "virtual", "a", "3.12.4", "2.6.0+cpu", "0.21.0+cpu", "No.", "do it")
    assert PythonEnvironment.from_json(row.to_json()) == row
    for wrong in ({"kind": "snake"}, {"torch": None}, {"name": "n" * 5_000}, {"more": "x"}):
        with pytest.raises(ValueError, match="is no"):
            PythonEnvironment.from_json({**row.to_json(), **wrong})
