"""The files in ``packaging/linux``: valid, consistent, and right about real files, as QMimeDatabase sees them."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest

from inspector.desktop.associations import APP_ID, MEDIA_TYPES
from inspector.shipped import shipped_path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="packaging for Linux")

_CHECKPOINT, _SAFETENSORS = MEDIA_TYPES
_PYTHON_PATH = "text/x-python-path"
_ROOT = Path(__file__).resolve().parents[2]
_PROBE = """
import json, sys
from PySide6.QtCore import QMimeDatabase
database = QMimeDatabase()
json.dump({file: database.mimeTypeForFile(file).name() for file in sys.argv[1:]}, sys.stdout)
"""
# Written by `python -c "import torch; torch.save({}, 'x.pth')"` and its relatives: torch needs seconds to import,
# and the first bytes are all that a media type is told by.
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03." + b"\0" * 64


def _torch_zip(path: Path, *entries: str) -> Path:
    """Write a zip whose entries lie as torch lays them: stored, names first, padded by an FB extra field."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in entries:
            info = zipfile.ZipInfo(name)
            info.extra = struct.pack("<2sH", b"FB", 16) + b"Z" * 16
            archive.writestr(info, b"\x80\x02}.")
    return path


@pytest.fixture(scope="module")
def media_type(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What QMimeDatabase says about each of the files, by file name; all asked in one process."""
    if shutil.which("update-mime-database") is None:
        pytest.skip("update-mime-database is missing")
    if not Path("/usr/share/mime/packages/freedesktop.org.xml").exists():
        pytest.skip("shared-mime-info is missing")
    data = tmp_path_factory.mktemp("data")
    packages = data / "mime" / "packages"
    packages.mkdir(parents=True)
    shutil.copy(shipped_path(f"linux/{APP_ID}.mime.xml"), packages / f"{APP_ID}.xml")
    subprocess.run(["update-mime-database", str(data / "mime")], check=True, capture_output=True, timeout=60)
    files = _make_files(tmp_path_factory.mktemp("files"))
    environment = {
        **os.environ,
        "XDG_DATA_HOME": str(data),
        "XDG_DATA_DIRS": "/usr/share",
        "QT_QPA_PLATFORM": "offscreen",
    }
    answer = subprocess.run(
        [sys.executable, "-c", _PROBE, *map(str, files)],
        env=environment, check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return {Path(file).name: name for file, name in json.loads(answer.stdout).items()}


def _make_files(folder: Path) -> list[Path]:
    files = [
        _torch_zip(folder / "zip.pth", "zip/data.pkl", "zip/byteorder", "zip/data/0"),
        _torch_zip(folder / "archive.pth", "archive/data.pkl"),
        _torch_zip(folder / "odd_root.pth", "my model (épöch 3) – final/data.pkl"),
        _torch_zip(folder / "long_root.pth", "x" * 255 + "/data.pkl"),
        _torch_zip(folder / "torchscript.pth", "model/data/0", "model/constants.pkl", "model/data.pkl"),
        _torch_zip(folder / "exported.pth", "model/data/weights/weight_0"),
        _torch_zip(folder / "no_ending", "archive/data.pkl"),
        _torch_zip(folder / "plain.zip", "notes.txt"),
        _torch_zip(folder / "checkpoint_inside.zip", "archive/data.pkl"),
        *(_torch_zip(folder / f"a{end}", "a/data.pkl") for end in (".pt", ".pt2", ".th", ".ckpt", ".pth.tar")),
    ]
    contents = {
        "legacy.pth": _LEGACY,
        "legacy_no_ending": _LEGACY,
        "import.pth": b"import sys; sys.path.append('x')\n/usr/lib/foo\n",
        "relative.pth": b"./src\n../other\n",
        "comment.pth": b"# added by hand\n/opt/lib\n",
        "unicode.pth": "/home/jürgen/src\n".encode(),
        "plain.pkl": pickle.dumps([1, 2, 3]),
        "a.safetensors": struct.pack("<Q", 2) + b"{}",
        "a.txt": b"text\n",
        "a.tar": b"",
        "a.py": b"import torch\n",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return files + [folder / name for name in contents]


@pytest.mark.parametrize(
    "name",
    [
        "zip.pth", "archive.pth", "odd_root.pth", "long_root.pth", "torchscript.pth", "exported.pth", "no_ending",
        "legacy.pth", "legacy_no_ending", "a.pt", "a.pt2", "a.th", "a.ckpt", "a.pth.tar",
    ],
)  # fmt: skip
def test_checkpoints_are_ours(media_type: dict[str, str], name: str) -> None:
    assert media_type[name] == _CHECKPOINT


@pytest.mark.parametrize("name", ["import.pth", "relative.pth", "comment.pth", "unicode.pth"])
def test_python_path_files_are_not_ours(media_type: dict[str, str], name: str) -> None:
    assert media_type[name] == _PYTHON_PATH


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.safetensors", _SAFETENSORS),
        ("plain.zip", "application/zip"),
        ("checkpoint_inside.zip", "application/zip"),
        ("plain.pkl", "application/octet-stream"),
        ("a.txt", "text/plain"),
        ("a.tar", "application/x-tar"),
    ],
)
def test_others_stay_what_they_are(media_type: dict[str, str], name: str, expected: str) -> None:
    assert media_type[name] == expected


def test_python_source_is_not_ours(media_type: dict[str, str]) -> None:
    assert media_type["a.py"] not in (_CHECKPOINT, _SAFETENSORS, _PYTHON_PATH)


def test_no_type_claims_zip() -> None:
    tree = ElementTree.parse(shipped_path(f"linux/{APP_ID}.mime.xml"))
    names = {node.get("type") for node in tree.iter() if node.tag.endswith(("mime-type", "sub-class-of"))}
    assert names == {_CHECKPOINT, _SAFETENSORS, _PYTHON_PATH, "text/plain"}


def test_names_agree_in_all_files() -> None:
    entry = shipped_path(f"linux/{APP_ID}.desktop").read_text(encoding="utf-8")
    assert f"\nIcon={APP_ID}\n" in entry
    assert f"\nMimeType={''.join(f'{name};' for name in MEDIA_TYPES)}\n" in entry
    component = ElementTree.parse(shipped_path(f"linux/{APP_ID}.metainfo.xml")).getroot()
    assert component.findtext("id") == APP_ID
    assert component.findtext("launchable") == f"{APP_ID}.desktop"
    assert tuple(node.text for node in component.iter("mediatype")) == MEDIA_TYPES
    program = component.findtext("provides/binary")
    assert f"\nExec={program} %F\n" in entry
    assert f'{program} = "inspector.__main__:main"' in (_ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("tool", "arguments", "ending"),
    [
        ("desktop-file-validate", [], "desktop"),
        ("appstreamcli", ["validate", "--no-net"], "metainfo.xml"),
    ],
)
def test_validators_agree(tool: str, arguments: list[str], ending: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is missing")
    file = shipped_path(f"linux/{APP_ID}.{ending}")
    done = subprocess.run([tool, *arguments, str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
