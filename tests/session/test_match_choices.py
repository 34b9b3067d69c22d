"""What a person chooses about the match: the wrapper, the classes, other names for keys, attaching in part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from inspector.session.match_state import MatchReport
from inspector.session.match_table import counts, rows_of

from .conftest import Driven, model, picture


def spoiled(path: Path) -> Path:
    """Save a squeezenet of 5 classes in other words, with a key too few, one too many, and one of another shape."""
    state_dict = {key.replace("features", "body"): value for key, value in model().state_dict().items()}
    del state_dict["classifier.1.bias"]
    state_dict["body.0.weight"] = torch.ones(64, 1, 3, 3)
    torch.save({"net." + key: value for key, value in state_dict.items()} | {"net.more": torch.ones(2)}, path)
    return path


def choose(driven: Driven, number: int, **choices: Any) -> MatchReport:
    """Choose, and wait for the report that follows."""
    before = driven.checkpoint(number).match_report
    driven.session.choose_match(number, replace(driven.checkpoint(number).choices, **choices))
    driven.until(lambda: driven.checkpoint(number).match_report is not before)
    report = driven.checkpoint(number).match_report
    assert report is not None
    return report


def compared(driven: Driven, path: Path) -> int:
    number = driven.open(path)
    driven.session.choose_architecture(number, "squeezenet1_1")
    driven.until(lambda: driven.checkpoint(number).match_report is not None)
    return number


def test_renamed_keys_fit(shared_session: Driven, tmp_path: Path) -> None:
    number = compared(shared_session, spoiled(tmp_path / "net.pth"))
    report = choose(shared_session, number, renames=(("*body.*", "*features.*"),))
    assert (report.matched, report.unexpected, report.missing) == (50, 1, ("classifier.1.bias",))
    assert [key for key, _, _ in report.mismatched] == ["features.0.weight"]
    assert "For 1 input channel, not 3" in report.ways_out["features.0.weight"]
    found = shared_session.checkpoint(number).identification
    shared_session.until(lambda: shared_session.checkpoint(number).identification is not found)
    found = shared_session.checkpoint(number).identification
    assert found is not None
    assert (found.match, found.candidates[0].architecture) == ("part", "squeezenet1_1")


def test_rules_that_can_t_be_used_are_told_and_change_nothing(shared_session: Driven, tmp_path: Path) -> None:
    number = compared(shared_session, spoiled(tmp_path / "net.pth"))
    report = shared_session.checkpoint(number).match_report
    choices = shared_session.checkpoint(number).choices
    shared_session.session.choose_match(number, replace(choices, renames=(("net.body.*", "same"),)))
    shared_session.until(lambda: shared_session.checkpoint(number).match_failure is not None)
    failure = shared_session.checkpoint(number).match_failure
    assert failure is not None
    assert "would both be called same" in failure.message
    assert shared_session.checkpoint(number).match_report is report
    assert not [notice for notice in shared_session.notices if "would both" in notice.text]
    choose(shared_session, number, renames=())
    assert shared_session.checkpoint(number).match_failure is None


def test_another_wrapper_and_other_classes(shared_session: Driven, tmp_path: Path) -> None:
    torch.save({"net." + key: value for key, value in model().state_dict().items()}, tmp_path / "net.pth")
    number = compared(shared_session, tmp_path / "net.pth")
    report = shared_session.checkpoint(number).match_report
    assert report is not None
    assert (report.complete, report.wrapper, report.num_classes) == (True, "net.", 5)
    assert set(report.wrappers) >= {"", "net."}
    report = choose(shared_session, number, num_classes=7)
    assert [(key, expected[0], found[0]) for key, expected, found in report.mismatched] == [
        ("classifier.1.weight", 7, 5), ("classifier.1.bias", 7, 5),
    ]  # fmt: skip
    assert "take it from the file's head" in report.ways_out["classifier.1.bias"]
    assert choose(shared_session, number, num_classes=None, wrapper="").matched == 0


def test_the_table_of_the_report(shared_session: Driven, tmp_path: Path) -> None:
    number = compared(shared_session, spoiled(tmp_path / "net.pth"))
    report = choose(shared_session, number, renames=(("*body.*", "*features.*"),))
    summary = shared_session.checkpoint(number).summary
    assert summary is not None
    rows = rows_of(summary, report)
    assert counts(rows) == {"mismatched": 1, "missing": 1, "unexpected": 1, "matched": 50}
    mismatched, missing, unexpected, first = rows[:4]
    assert mismatched[:5] == (
        "mismatched",
        "features.0.weight",
        "net.body.0.weight",
        "64 × 3 × 3 × 3",
        "64 × 1 × 3 × 3",
    )
    assert missing[:5] == ("missing", "classifier.1.bias", "", "5", "")
    assert unexpected[:5] == ("unexpected", "", "net.more", "", "2")
    assert first[:3] == ("matched", "features.0.bias", "net.body.0.bias")


def test_nothing_is_attached_in_part_before_that_is_chosen(shared_session: Driven, tmp_path: Path) -> None:
    number = compared(shared_session, spoiled(tmp_path / "net.pth"))
    choose(shared_session, number, renames=(("*body.*", "*features.*"),))
    assert not shared_session.checkpoint(number).attachable
    shared_session.session.attach(number)
    assert shared_session.checkpoint(number).attachment.phase == "none"


def test_attached_in_part(shared_session: Driven, tmp_path: Path) -> None:
    number = compared(shared_session, spoiled(tmp_path / "net.pth"))
    choose(shared_session, number, renames=(("*body.*", "*features.*"),))
    choices = shared_session.checkpoint(number).choices
    shared_session.session.choose_match(number, replace(choices, partial=True))
    assert shared_session.checkpoint(number).attachable
    shared_session.session.attach(number)
    shared_session.until(lambda: shared_session.checkpoint(number).attachment.phase in ("ready", "failed"))
    attachment = shared_session.checkpoint(number).attachment
    assert attachment.failure is None
    assert (attachment.matched, attachment.untrained) == (50, ("features.0.weight", "classifier.1.bias"))
    (prediction,) = shared_session.predict(number, picture(tmp_path / "a.png"))
    assert prediction.failure is None
    shared_session.session.choose_match(number, replace(choices, partial=False))
    assert shared_session.checkpoint(number).attachment.phase == "none"


@pytest.mark.parametrize("architecture", ["resnet18", "squeezenet1_0"])
def test_another_architecture_asks_again_about_a_part(
    shared_session: Driven, tmp_path: Path, architecture: str
) -> None:
    number = compared(shared_session, spoiled(tmp_path / "net.pth"))
    choose(shared_session, number, renames=(("*body.*", "*features.*"),), num_classes=7)
    choices = shared_session.checkpoint(number).choices
    shared_session.session.choose_match(number, replace(choices, partial=True))
    shared_session.session.choose_architecture(number, architecture)
    choices = shared_session.checkpoint(number).choices
    assert (choices.partial, choices.num_classes) == (False, None)
    assert choices.renames == (("*body.*", "*features.*"),)
