"""The audit's page: findings by severity, filtered, followed to their tensors, copied as text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QApplication

from inspector.findings import Finding, Severity
from inspector.gui import theme
from inspector.gui.audit_model import NOTE, TENSOR, AuditModel
from inspector.gui.audit_page import AuditPart
from inspector.gui.audit_words import CHECKED, MAX_LISTED, as_text, seen
from inspector.session import Session
from inspector.session.failure import Failure
from inspector.session.loop import QueueLoop
from inspector.session.state import OpenCheckpoint
from inspector.session.survey_state import Survey, SurveyFigures, SurveyPhase

from .surveyed import saved

NAMES = ["conv1.weight", "bn1.weight", "bn1.running_var", "bn2.running_var", "fc.weight"]
NAN = Finding("serious", "nan", (4,), "fc.weight holds NaN: 2 of 8.", "One NaN spreads.", ("2 of 8",))
DEAD = Finding("notable", "dead_filters", (0,), "3 of 8 filters of conv1.weight are all zeros.", "They do nothing.")
FOLDED = Finding("info", "folded_batch_norm", (2, 3), "2 batch norms were folded.", "Fine.", ("mean 0", "mean 0"))
FINDINGS = (NAN, DEAD, FOLDED)


def content(tensors: int = 0) -> dict[str, torch.Tensor]:
    many = {f"layer{place}": torch.zeros(1) for place in range(tensors)}
    return {name: torch.ones(2, 2) for name in NAMES} | many


@pytest.fixture
def found(tmp_path: Path) -> OpenCheckpoint:
    summary = saved(tmp_path / "net.pth", content())
    survey = Survey("ready", 10, 10, SurveyFigures(len(summary)), FINDINGS)
    checkpoint = OpenCheckpoint(1, tmp_path / "net.pth", phase="ready", summary=summary, state_dict=summary.model)
    return replace(checkpoint, survey=survey)


@pytest.fixture
def session(found: OpenCheckpoint) -> Session:
    session = Session(QueueLoop())
    session.store.checkpoints[found.id] = found
    return session


@pytest.fixture
def part(qtbot: Any, session: Session, found: OpenCheckpoint) -> AuditPart:
    part = AuditPart(session)
    qtbot.addWidget(part)
    part.resize(700, 500)
    part.show_checkpoint(found)
    part.show()
    return part


def titles(part: AuditPart) -> list[str]:
    return [str(part.model.index(row, 0).data()) for row in range(part.model.rowCount())]


def offered(part: AuditPart) -> list[str]:
    return [part.filter.buttons[name].text() for name in part.filter.shown]


def row(part: AuditPart, *rows: int) -> QModelIndex:
    index = QModelIndex()
    for place in rows:
        index = part.model.index(place, 0, index)
    return index


def surveyed(found: OpenCheckpoint, *findings: Finding, phase: SurveyPhase = "ready") -> OpenCheckpoint:
    assert found.survey is not None
    return replace(found, survey=replace(found.survey, phase=phase, findings=findings))


def press(qtbot: Any, part: AuditPart, index: QModelIndex) -> None:
    place = part.view.visualRect(index).center()
    qtbot.mouseClick(part.view.viewport(), Qt.MouseButton.LeftButton, pos=place)


# -- the model ---------------------------------------------------------------------------------------------------


def test_the_model_is_a_proper_one(qtmodeltester: Any, found: OpenCheckpoint) -> None:
    model = AuditModel()
    qtmodeltester.check(model)
    model.show_findings(found.summary, FINDINGS)
    qtmodeltester.check(model)


def test_findings_stand_in_their_order_with_their_tensors_below(part: AuditPart) -> None:
    assert titles(part) == [finding.title for finding in FINDINGS]
    assert [part.model.rowCount(row(part, place)) for place in range(3)] == [1, 1, 2]
    assert row(part, 2, 1).data() == "bn2.running_var"
    assert row(part, 2, 1).data(TENSOR) == 3
    assert row(part, 2, 1).data(NOTE) == "mean 0"
    assert row(part, 1, 0).data(NOTE) == ""
    assert row(part, 0).data(TENSOR) == 4
    assert part.model.parent(row(part, 2, 1)) == row(part, 2)


def test_what_is_not_there_has_no_index(part: AuditPart) -> None:
    for index in (row(part, 3), row(part, 2, 2), row(part, 2, 1, 0), part.model.index(0, 1)):
        assert not index.isValid()
    assert part.model.data(QModelIndex()) is None
    assert part.model.tensor(QModelIndex()) == -1


def test_of_very_many_tensors_the_first_are_listed(qtbot: Any, tmp_path: Path) -> None:
    summary = saved(tmp_path / "many.pth", content(MAX_LISTED + 500))
    finding = Finding("notable", "constant", tuple(range(MAX_LISTED + 200)), "Many.", "They are.")
    model = AuditModel()
    model.show_findings(summary, [finding])
    parent = model.index(0, 0)
    assert model.rowCount(parent) == MAX_LISTED + 1
    last = model.index(MAX_LISTED, 0, parent)
    assert (last.data(), last.data(TENSOR)) == ("200 more", -1)
    assert as_text(summary, [finding]).splitlines()[-1] == "- and 200 more"


def test_rows_are_spoken_with_their_severity(part: AuditPart) -> None:
    role = Qt.ItemDataRole.AccessibleTextRole
    assert row(part, 0).data(role) == "Serious: fc.weight holds NaN: 2 of 8. One NaN spreads."
    assert row(part, 0, 0).data(role) == "fc.weight, 2 of 8"


# -- the page ----------------------------------------------------------------------------------------------------


def test_findings_of_few_tensors_show_them(part: AuditPart, found: OpenCheckpoint) -> None:
    assert all(part.view.isExpanded(row(part, place)) for place in range(3))
    many = replace(FOLDED, tensors=(0, 1, 2, 3), notes=())
    part.show_checkpoint(surveyed(found, many))
    assert not part.view.isExpanded(row(part, 0))


@pytest.mark.parametrize(
    ("severity", "shown"), [("serious", [NAN]), ("notable", [DEAD]), ("info", [FOLDED]), ("all", [NAN, DEAD, FOLDED])]
)
def test_the_filter_shows_one_severity(qtbot: Any, part: AuditPart, severity: Severity, shown: list[Finding]) -> None:
    qtbot.mouseClick(part.filter.buttons[severity], Qt.MouseButton.LeftButton)
    assert titles(part) == [finding.title for finding in shown]
    assert part.filter.buttons[severity].isChecked()


def test_the_filter_counts_and_offers_what_there_is(part: AuditPart, found: OpenCheckpoint) -> None:
    assert [part.filter.buttons[name].text() for name in part.filter.shown] == [
        "All 3",
        "Serious 1",
        "Notable 1",
        "Info 1",
    ]
    part.show_checkpoint(surveyed(found, DEAD, FOLDED))
    assert offered(part) == ["All 2", "Notable 1", "Info 1"]
    part.show_checkpoint(surveyed(found, DEAD))
    assert not part.filter.isVisible()


def test_a_filter_for_what_is_gone_is_lifted(part: AuditPart, found: OpenCheckpoint) -> None:
    part.show_severity("serious")
    part.show_checkpoint(surveyed(found, DEAD, FOLDED))
    assert titles(part) == [DEAD.title, FOLDED.title]


def test_the_same_findings_leave_the_list_as_it_is(part: AuditPart, found: OpenCheckpoint) -> None:
    part.view.setExpanded(row(part, 0), False)
    part.show_checkpoint(replace(found, tensor=2))
    assert not part.view.isExpanded(row(part, 0))


def test_a_click_on_a_tensor_leads_to_it(qtbot: Any, part: AuditPart, session: Session) -> None:
    with qtbot.waitSignal(part.tensor_opened):
        press(qtbot, part, row(part, 2, 1))
    assert session.store.checkpoints[1].tensor == 3


def test_a_click_on_a_finding_about_one_tensor_leads_to_it(qtbot: Any, part: AuditPart, session: Session) -> None:
    with qtbot.waitSignal(part.tensor_opened):
        press(qtbot, part, row(part, 0))
    assert session.store.checkpoints[1].tensor == 4


def test_a_click_on_a_finding_about_several_folds_it(qtbot: Any, part: AuditPart) -> None:
    with qtbot.assertNotEmitted(part.tensor_opened):
        press(qtbot, part, row(part, 2))
    assert not part.view.isExpanded(row(part, 2))
    press(qtbot, part, row(part, 2))
    assert part.view.isExpanded(row(part, 2))


def test_a_drag_from_one_row_to_another_is_no_click(qtbot: Any, part: AuditPart) -> None:
    view = part.view.viewport()
    with qtbot.assertNotEmitted(part.tensor_opened):
        qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=part.view.visualRect(row(part, 0)).center())
        qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=part.view.visualRect(row(part, 1)).center())
    with qtbot.assertNotEmitted(part.tensor_opened):
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(300, part.view.height() - 3))


def test_keys_walk_unfold_and_open(qtbot: Any, part: AuditPart, session: Session) -> None:
    part.view.setFocus()
    part.view.setCurrentIndex(row(part, 2))
    qtbot.keyClick(part.view, Qt.Key.Key_Left)
    assert not part.view.isExpanded(row(part, 2))
    qtbot.keyClick(part.view, Qt.Key.Key_Return)
    assert part.view.isExpanded(row(part, 2))
    qtbot.keyClick(part.view, Qt.Key.Key_Down)
    with qtbot.waitSignal(part.tensor_opened):
        qtbot.keyClick(part.view, Qt.Key.Key_Return)
    assert session.store.checkpoints[1].tensor == 2


TEXT = """Serious: fc.weight holds NaN: 2 of 8.
One NaN spreads.
- fc.weight: 2 of 8

Notable: 3 of 8 filters of conv1.weight are all zeros.
They do nothing.
- conv1.weight"""


def test_copying_gives_what_is_shown(qtbot: Any, part: AuditPart, found: OpenCheckpoint) -> None:
    part.show_checkpoint(surveyed(found, NAN, DEAD))
    qtbot.mouseClick(part.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == TEXT
    part.view.setCurrentIndex(row(part, 1, 0))
    qtbot.keyClick(part.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == TEXT.split("\n\n")[1]


def test_nothing_wrong_says_what_was_looked_for(part: AuditPart, found: OpenCheckpoint) -> None:
    part.show_checkpoint(surveyed(found))
    assert part.pages.currentWidget() is part.nothing
    assert part.nothing.title.text() == "Nothing wrong was found"
    assert part.nothing.text.text() == "5 tensors checked, for:"
    assert all(checked in part.nothing.accessibleName() for checked in CHECKED)


def test_tensors_that_could_not_be_read_are_not_called_checked(found: OpenCheckpoint) -> None:
    assert found.survey is not None
    found.survey.figures.fail(1, "it is cut short")
    assert seen(found.survey) == "4 tensors checked, 1 could not be read"


@pytest.mark.parametrize(
    ("phase", "title"),
    [
        ("running", "Reading all tensors…"),
        ("failed", "The tensors could not be read"),
        ("cancelled", "Reading was stopped"),
    ],
)
def test_before_all_is_read_it_says_so(part: AuditPart, found: OpenCheckpoint, phase: SurveyPhase, title: str) -> None:
    changed = surveyed(found, phase=phase)
    assert changed.survey is not None
    part.show_checkpoint(replace(changed, survey=replace(changed.survey, failure=Failure("It broke.", "Again.", "X"))))
    assert part.pages.currentWidget() is part.waiting
    assert part.waiting.title.text() == title


def test_without_a_survey_or_a_checkpoint_it_waits(part: AuditPart, found: OpenCheckpoint) -> None:
    for nothing in (replace(found, survey=None), None):
        part.show_checkpoint(nothing)
        assert part.pages.currentWidget() is part.waiting
        assert part.waiting.title.text() == "Not looked through yet"


def test_another_checkpoint_starts_with_all_severities(part: AuditPart, found: OpenCheckpoint) -> None:
    part.show_severity("info")
    part.show_checkpoint(replace(found, id=2))
    assert len(titles(part)) == 3


def test_a_narrow_list_gives_the_words_more_room(qtbot: Any, part: AuditPart, found: OpenCheckpoint) -> None:
    part.show_checkpoint(surveyed(found, replace(NAN, explanation="Words that need some room. " * 12)))
    wide = part.view.visualRect(row(part, 0)).height()
    part.resize(300, 500)
    qtbot.waitUntil(lambda: part.view.visualRect(row(part, 0)).height() > wide)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_severities_have_their_colours(part: AuditPart, qapp: QApplication, scheme: str) -> None:
    theme.apply(qapp, scheme)
    c, shown = theme.colors(), part.view.grab().toImage()
    strongest = []
    for place in range(3):
        top = part.view.visualRect(row(part, place)).top() + 8
        pixels = [shown.pixelColor(x, y) for x in range(10, 28) for y in range(top, top + 20)]
        strongest.append(max(pixels, key=QColor.hsvSaturationF).hsvHue())
    theme.apply(qapp, "light")
    wanted = [QColor(color).hsvHue() for color in (c.danger, c.warning, c.accent)]
    assert all(abs(hue - found) <= 8 for hue, found in zip(wanted, strongest, strict=True)), (wanted, strongest)
