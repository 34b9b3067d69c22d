"""What a person reads about a file that is not safe: what it would do, by which names, and what to do now."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

# ``conftest`` is no module to import from: its fixtures are typed here by what they are.
Inspector = Any

_ATTACK = b"\x80\x02ccollections\nOrderedDict\n0cposix\nsystem\nX\x04\x00\x00\x00true\x85R"


def _shown(inspector: Inspector, path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return " ".join(inspector("show", path).out.split())


def test_a_malicious_file_is_not_to_be_loaded(inspector: Inspector, tmp_path: Path) -> None:
    shown = _shown(inspector, tmp_path / "evil.pkl", _ATTACK + b".")
    assert shown.startswith("A pickled object: no tensors, as a bare pickle, dangerous to load. Do not load it")
    assert "it names posix.system, which can run commands or change files on this machine." in shown
    assert "only in part" not in shown
    table = shown.partition("Functions and classes that the file names Name Meaning ")[2]
    assert table.startswith("posix.system Can act on this machine collections.OrderedDict Rebuilds tensors")


def test_a_part_of_one_says_that_there_may_be_more(inspector: Inspector, tmp_path: Path) -> None:
    shown = _shown(inspector, tmp_path / "part.pkl", _ATTACK)
    assert "It could be read only in part and may name more." in shown
    assert "Functions and classes that the file names, at least" in shown


def test_the_worst_comes_first_in_json(inspector: Inspector, tmp_path: Path) -> None:
    (tmp_path / "evil.pkl").write_bytes(_ATTACK + b".")
    shown = inspector("show", tmp_path / "evil.pkl", "--json").json()
    assert shown["globals"] == [
        {"name": "posix.system", "verdict": "dangerous"},
        {"name": "collections.OrderedDict", "verdict": "tensor"},
    ]


def test_unknown_code_is_a_matter_of_trust(inspector: Inspector, tmp_path: Path) -> None:
    shown = _shown(inspector, tmp_path / "own.pkl", b"\x80\x02cmine\nModel\n)R.")
    assert "would run code of mine.Model, so load it only if you trust whoever made it." in shown


def test_a_changed_class_has_its_own_words(inspector: Inspector, tmp_path: Path) -> None:
    shown = _shown(inspector, tmp_path / "build.pkl", b"\x80\x02cargparse\nNamespace\n}U\x01aK\x01sb.")
    assert "it would change functions or classes of the program that loads it" in shown
    assert "argparse.Namespace, which can run" not in shown


def test_what_is_cut_off_or_unusual_has_its_own_words(inspector: Inspector, tmp_path: Path) -> None:
    cut = _shown(inspector, tmp_path / "cut.pkl", pickle.dumps({"a": [1, 2]}, protocol=2)[:-1])
    assert "It could be read only in part, so loading it with torch may run code." in cut
    odd = _shown(inspector, tmp_path / "odd.pkl", b"\x80\x03cnumpy\nndarray\nK\x01\x85\x85R.")
    assert "uses it in an unusual way, so loading it with torch may do harm." in odd
    assert "Warning: It describes a NumPy array in a way that NumPy itself does not" in odd
