"""Surveys: the figures of all tensors come while they are reckoned, from real processes."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from inspector.session import surveying
from inspector.session.failure import Failure
from inspector.session.loop import QueueLoop
from inspector.session.survey_state import KNOWN, UNREADABLE, Survey, SurveyFigures
from inspector.survey_rows import SurveyRow

Driven = Any


def surveyed(driven: Driven, number: int) -> Survey:
    driven.session.surveying.begin(number)
    driven.until(lambda: driven.checkpoint(number).survey.phase != "running")
    found: Survey = driven.checkpoint(number).survey
    return found


@pytest.fixture
def tied(tmp_path: Path) -> Path:
    """A state_dict with tied weights, dead and twin filters, NaN, an empty tensor and one without values."""
    torch.manual_seed(0)
    weight = torch.randn(20, 30)
    filters = torch.randn(8, 3, 3, 3)
    filters[2] = 0
    filters[5] = filters[1]
    odd = torch.tensor([1.0, math.nan, math.inf, 0.0])
    made = {
        "encoder.weight": weight,
        "conv.weight": filters,
        "odd": odd,
        "decoder.weight": weight,
        "part": weight[3:5],
        "empty": torch.empty(0, 3),
        "meta": torch.empty(2, 2, device="meta"),
        "wide": torch.tensor(2.0).expand(1000, 1000),
    }
    torch.save(made, tmp_path / "tied.pth")
    return tmp_path / "tied.pth"


def test_every_tensor_gets_its_figures(driven: Driven, tied: Path) -> None:
    number = driven.open(tied)
    signals: list[int] = []
    driven.store.survey_changed.connect(signals.append)
    survey = surveyed(driven, number)
    summary, figures = driven.checkpoint(number).summary, survey.figures
    at = {name: place for place, name in enumerate(summary.names)}
    assert survey.phase == "ready"
    assert survey.done == survey.total
    assert signals
    assert set(signals) == {number}
    weight = torch.load(tied, weights_only=True, map_location="cpu")["encoder.weight"].double()
    for name in ("encoder.weight", "decoder.weight"):
        assert figures.known[at[name]] == KNOWN
        assert figures.mean[at[name]] == pytest.approx(weight.mean().item(), rel=1e-12)
        assert figures.std[at[name]] == pytest.approx(weight.std(correction=0).item(), rel=1e-12)
        assert sum(figures.row_counts(at[name])) == 600
    assert figures.norm[at["part"]] == pytest.approx(weight[3:5].norm().item(), rel=1e-12)
    assert (figures.dead[at["conv.weight"]], figures.duplicates[at["conv.weight"]]) == (1, 1)
    odd = at["odd"]
    assert (figures.zeros[odd], figures.nan[odd], figures.inf[odd]) == (1, 1, 1)
    assert (figures.minimum[odd], figures.maximum[odd]) == (0, 1)
    assert math.isnan(figures.mean[at["empty"]])
    assert figures.known[at["meta"]] == UNREADABLE
    assert "meta" in figures.problem[at["meta"]]
    assert figures.norm[at["wide"]] == pytest.approx(2000)
    assert len(figures.row_counts(0)) == 64


def test_it_begins_by_itself_once_a_tensor_is_shown(
    driven: Driven, tied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = driven.open(tied)
    assert driven.session.surveying, "from its first use on"
    assert driven.checkpoint(number).survey is None
    driven.session.select_tensor(number, 0)
    driven.until(lambda: driven.checkpoint(number).survey is not None)
    driven.until(lambda: driven.checkpoint(number).survey.phase == "ready")
    before = driven.checkpoint(number).survey
    driven.session.surveying.begin(number)
    assert driven.checkpoint(number).survey is before
    driven.session.close(number)
    monkeypatch.setattr(surveying, "BY_ITSELF_BYTES", 10)
    again = driven.open(tied)
    driven.session.select_tensor(again, 0)
    driven.until(lambda: driven.checkpoint(again).tensor_view.phase == "ready")
    assert driven.checkpoint(again).survey is None


def test_a_file_that_was_read_behind_another_is_surveyed_once_it_is_shown(driven: Driven, tied: Path) -> None:
    torch.save({"w": torch.ones(3)}, tied.with_name("other.pth"))
    behind, shown = driven.open(tied), driven.open(tied.with_name("other.pth"))
    assert driven.session.surveying, "from its first use on"
    driven.session.select_tensor(behind, 0)
    driven.session.show(shown)
    driven.until(lambda: driven.checkpoint(behind).tensor_view.phase == "ready")
    assert driven.checkpoint(behind).survey is None
    driven.session.show(behind)
    driven.until(lambda: driven.checkpoint(behind).survey is not None)


def test_a_tensor_that_cannot_be_read_does_not_keep_the_others_from_being_surveyed(driven: Driven, tied: Path) -> None:
    number = driven.open(tied)
    assert driven.session.surveying, "from its first use on"
    driven.session.select_tensor(number, driven.checkpoint(number).summary.names.index("meta"))
    driven.until(lambda: driven.checkpoint(number).tensor_view.phase == "failed")
    driven.until(lambda: driven.checkpoint(number).survey is not None)


def test_a_cancelled_one_ends_at_once_and_can_begin_anew(driven: Driven, tied: Path) -> None:
    number = driven.open(tied)
    driven.session.surveying.begin(number)
    driven.session.surveying.cancel(number)
    assert driven.checkpoint(number).survey.phase == "cancelled"
    assert surveyed(driven, number).phase == "ready"


def test_a_file_read_again_loses_its_survey(driven: Driven, tied: Path) -> None:
    number = driven.open(tied)
    survey = surveyed(driven, number)
    torch.save({"other": torch.ones(3)}, tied)
    driven.session.reload(number)
    driven.until(lambda: driven.checkpoint(number).survey is not survey)
    driven.until(lambda: driven.checkpoint(number).survey is not None)  # it begins anew by itself
    assert len(driven.checkpoint(number).summary) == 1
    assert surveyed(driven, number).figures.mean[0] == 1


def test_a_file_that_changed_fails_in_a_sentence(driven: Driven, tied: Path) -> None:
    number = driven.open(tied)
    torch.save({"other": torch.ones(3)}, tied)
    survey = surveyed(driven, number)
    assert survey.phase == "failed"
    assert survey.failure is not None
    assert "has changed" in survey.failure.sentence


def test_a_file_opened_again_needs_no_process(driven: Driven, tied: Path) -> None:
    number = driven.open(tied)
    survey = surveyed(driven, number)
    driven.session.close(number)
    again = driven.open(tied)
    driven.session.surveying.begin(again)
    assert driven.checkpoint(again).survey is survey


class Turns(QueueLoop):
    """A loop whose turns are made by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Callable[[], None]] = []

    def post_turn(self, call: Callable[[], None]) -> None:
        self.waiting.append(call)


def told_of(tensor: int, bins: int) -> dict[str, Any]:
    row = SurveyRow((0.0,) * 7, (0,) * 5, (0,) * bins).to_bytes()
    rows = base64.b64encode(row).decode()
    return {"done": 1, "total": 9, "tensors": [tensor], "rows": rows, "problems": []}


def test_what_is_told_all_at_once_is_taken_piece_by_piece(driven: Driven, tied: Path) -> None:
    number = driven.open(tied)
    figures, other, turns, ended = SurveyFigures(8), SurveyFigures(8), Turns(), list[int]()
    driven.store.set_survey(number, Survey("running", 0, 9, figures))
    taking = surveying._Taking(driven.store, turns, number, figures, lambda _: None, ended.append)
    for tensor in range(4):
        taking.take(told_of(tensor, figures.bins))
    for known in range(3):
        assert sum(figures.known) == known
        assert len(turns.waiting) == 1
        turns.waiting.pop()()
    driven.store.set_survey(number, Survey("running", 0, 9, other))  # the file was read again meanwhile
    taking.fail(Failure("It broke.", "", "Error"))
    while turns.waiting:
        turns.waiting.pop()()
    assert sum(other.known) == 0
    assert driven.checkpoint(number).survey.phase == "running"
    assert ended == []


def test_an_answer_that_makes_no_sense_ends_its_process(driven: Driven, tied: Path) -> None:
    number = driven.open(tied)
    figures, turns, ended = SurveyFigures(8), Turns(), list[int]()
    driven.store.set_survey(number, Survey("running", 0, 9, figures))
    taking = surveying._Taking(driven.store, turns, number, figures, lambda _: None, ended.append)
    taking.take(told_of(8, figures.bins))
    turns.waiting.pop()()
    assert driven.checkpoint(number).survey.phase == "failed"
    assert ended == [number]
