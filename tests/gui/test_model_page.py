"""The page of the whole model in the real window: it fills as the survey runs, and leads to tree and tensor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from inspector.desktop.settings import SettingsStore
from inspector.findings import Finding
from inspector.gui.main_window import MainWindow
from inspector.gui.model_page.page import ModelPage
from inspector.gui.model_page.part import ModelPart
from inspector.gui.model_page.rows import Column
from inspector.gui.model_page.table_part import TablePart
from inspector.gui.module_tree import ModuleTree
from inspector.gui.module_tree_cells import Column as TreeColumn
from inspector.gui.module_tree_cells import Role
from inspector.gui.tensor_marks import Mark, TensorMarks
from inspector.session import Session
from inspector.session.failure import Failure
from inspector.session.loop import QueueLoop
from inspector.session.state import OpenCheckpoint
from inspector.session.survey_state import Survey, SurveyFigures

from .conftest import DEMO
from .surveyed import surveyed

NAN = float("nan")


def surveyed_demo(window: MainWindow, qtbot: Any) -> OpenCheckpoint:
    window.open_paths([DEMO / "digits.pth"])
    qtbot.waitUntil(lambda: window.centre.current == "tensor" and window.is_furnished, timeout=20_000)
    qtbot.waitUntil(lambda: phase(window) == "ready", timeout=20_000)
    found = window.session.current
    assert found is not None
    return found


def phase(window: MainWindow) -> str:
    found = window.session.current
    return found.survey.phase if found is not None and found.survey is not None else ""


def table_of(page: ModelPage) -> TablePart:
    part = page.part("table")
    assert isinstance(part, TablePart)
    return part


# -- in the window -------------------------------------------------------------------------------------------------


def test_the_table_shows_the_survey_and_selects_in_the_tree(window: MainWindow, qtbot: Any) -> None:
    found = surveyed_demo(window, qtbot)
    window.centre.turn_to("model")
    page = window.centre.model
    part = table_of(page)
    qtbot.waitUntil(lambda: not part.model.is_busy)
    assert part.model.rowCount() == len(found.summary or ())
    assert all(part.model.index(row, Column.MEAN).data() for row in range(part.model.rowCount()))
    assert not page.survey.isVisible()  # nothing more is to be said of it
    row = part.table.visualRect(part.model.index(2, Column.NAME)).center()
    qtbot.mouseClick(part.table.viewport(), Qt.MouseButton.LeftButton, pos=row)
    assert window.tree.model.summary is not None
    assert window.tree.model.summary.tensors[window.tree.selected_node] == 2
    assert window.centre.current == "model"
    qtbot.keyClick(part.table, Qt.Key.Key_Return)
    assert window.centre.current == "tensor"
    qtbot.waitUntil(lambda: window.tensor.header.name != "" and window.tensor.header.isVisible())


def test_every_part_is_turned_to_by_its_button(window: MainWindow, qtbot: Any) -> None:
    surveyed_demo(window, qtbot)
    window.centre.turn_to("model")
    page = window.centre.model
    for name in ("depth", "shares", "table"):
        qtbot.mouseClick(page.switch.buttons[name], Qt.MouseButton.LeftButton)
        assert page.pages.currentWidget() is page.part(name)
    narrow = window.minimumSizeHint().width()
    assert narrow <= 1280


def test_a_double_click_in_the_shares_leads_to_the_tree(window: MainWindow, qtbot: Any) -> None:
    surveyed_demo(window, qtbot)
    window.centre.turn_to("model")
    page = window.centre.model
    page.show_part("shares")
    part: Any = page.part("shares")
    qtbot.waitUntil(lambda: not part.view.is_busy and len(part.view.boxes) > 1)
    box = next(box for box in part.view.boxes if box.level == 1 and box.count == 1)
    at = part.view._rect(box).center().toPoint()
    qtbot.mouseClick(part.view, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseDClick(part.view, Qt.MouseButton.LeftButton, pos=at)
    assert window.tree.selected_node == box.node
    assert window.centre.current == "tensor"


def test_the_tree_shows_small_distributions_and_the_person_can_hide_them(window: MainWindow, qtbot: Any) -> None:
    surveyed_demo(window, qtbot)
    view, model = window.tree.view, window.tree.model
    window.resize(1600, 900)
    window.resizeDocks([window.panels.docks["tree"]], [620], Qt.Orientation.Horizontal)
    QApplication.processEvents()
    assert not view.isColumnHidden(TreeColumn.VALUES)
    node = model.tensor_node(0)
    figures, tensor = model.index_of(node).data(Role.VALUES)
    assert tensor == 0
    assert sum(figures.row_counts(0)) > 0
    view.columns_menu().actions()[0].trigger()
    assert view.isColumnHidden(TreeColumn.VALUES)
    assert not SettingsStore().settings.tree_values
    view.columns_menu().actions()[0].trigger()
    assert not view.isColumnHidden(TreeColumn.VALUES)


# -- what the bar says ---------------------------------------------------------------------------------------------


class Told:
    """A page over a session without processes, and what it asks for."""

    def __init__(self, found: OpenCheckpoint, qtbot: Any) -> None:
        self.session = Session(QueueLoop())
        self.store = self.session.store
        self.store.checkpoints[found.id] = found
        self.asked: list[str] = []
        self.session.surveying.begin = lambda _: self.asked.append("begin")  # type: ignore[assignment, method-assign]
        self.session.surveying.cancel = lambda _: self.asked.append("cancel")  # type: ignore[assignment, method-assign]
        self.page = ModelPage(self.session)
        qtbot.addWidget(self.page)
        self.page.resize(700, 400)
        self.page.show_checkpoint(found.id)
        self.page.show()
        qtbot.waitExposed(self.page)


def test_a_survey_is_begun_watched_and_cancelled(tmp_path: Path, qtbot: Any) -> None:
    found = replace(surveyed(tmp_path / "a.pth", {"a.weight": torch.ones(3, 3)}), survey=None)
    assert found.summary is not None
    told = Told(found, qtbot)
    bar = told.page.survey
    assert bar.begin.isVisible()
    assert not bar.cancel.isVisible()
    qtbot.mouseClick(bar.begin, Qt.MouseButton.LeftButton)
    figures = SurveyFigures(1)
    told.store.set_survey(found.id, Survey("running", 500, 1000, figures))
    assert bar.cancel.isVisible()
    assert not bar.begin.isVisible()
    assert bar.progress.value() == bar.progress.maximum() // 2
    qtbot.mouseClick(bar.cancel, Qt.MouseButton.LeftButton)
    assert told.asked == ["begin", "cancel"]
    told.store.set_survey(found.id, Survey("cancelled", 500, 1000, figures))
    assert bar.text.text().startswith("Reading was stopped.")
    assert bar.begin.isVisible()
    told.store.set_survey(
        found.id, Survey("failed", 0, 0, figures, failure=Failure("The disk is gone.", "Plug it in."))
    )
    assert bar.text.text() == "The disk is gone. Plug it in."
    told.store.set_survey(found.id, Survey("ready", 1000, 1000, figures))
    assert not bar.isVisible()


def test_others_add_parts_of_their_own(tmp_path: Path, qtbot: Any) -> None:
    found = surveyed(tmp_path / "a.pth", {"a.weight": torch.ones(3, 3)})
    told = Told(found, qtbot)
    shown: list[OpenCheckpoint | None] = []

    class Part(ModelPart):
        def show_checkpoint(self, found: OpenCheckpoint | None) -> None:
            shown.append(found)

    told.page.add_part("other", "Other", "Another part", Part)
    assert shown == []  # nothing is built before it is wanted
    qtbot.mouseClick(told.page.switch.buttons["other"], Qt.MouseButton.LeftButton)
    assert shown == [found]
    with qtbot.waitSignal(told.page.node_chosen):
        told.page.part("other").node_chosen.emit(0)


# -- marks ---------------------------------------------------------------------------------------------------------


def content() -> dict[str, torch.Tensor]:
    return {
        "body.0.weight": torch.tensor([1.0, NAN]),
        "body.0.bias": torch.zeros(2),
        "body.1.weight": torch.ones(2),
        "body.1.bias": torch.ones(2),
        "head.weight": torch.ones(2),
        "head.bias": torch.ones(2),
    }


def test_tensors_and_what_holds_them_are_marked(tmp_path: Path, qtbot: Any) -> None:
    found = surveyed(tmp_path / "net.pth", content())
    assert found.summary is not None
    assert found.survey is not None
    notable = Finding("notable", "constant", (4,), "It is constant.", "Because.")
    survey = replace(found.survey, findings=(notable,))
    marks = TensorMarks(found.summary, survey)
    assert [marks.mark(tensor) for tensor in range(6)] == [4, 1, 0, 0, 3, 0]
    assert marks.sentences(0) == ["Holds 1 NaN"]
    assert marks.sentences(1) == ["All of its values are zero"]
    assert marks.sentences(4) == ["It is constant."]
    survey.figures.fail(5, "its bytes are missing")
    assert marks.mark(5) == Mark.NOTABLE
    assert marks.sentences(5) == ["Can't be read: its bytes are missing"]

    tree = ModuleTree()
    qtbot.addWidget(tree)
    tree.resize(700, 400)
    tree.show()
    tree.show_checkpoint(replace(found, survey=survey))
    names = {tree.model.path_of(node): node for node in range(len(found.summary.kinds))}

    def worry(name: str) -> Mark:
        made: Mark = tree.model.index_of(names[name]).data(Role.WORRY)
        return made

    qtbot.waitUntil(lambda: worry("") == Mark.SERIOUS)
    assert worry("body") == worry("body.0") == worry("body.0.weight") == Mark.SERIOUS
    assert worry("body.1") == Mark.NONE
    assert worry("head") == Mark.NOTABLE
    tip = tree.model.index_of(names["body.0.weight"]).data(Qt.ItemDataRole.ToolTipRole)
    assert "Holds 1 NaN" in tip
    tree.show_checkpoint(replace(found, survey=None))
    assert worry("body") == Mark.NONE
    assert tree.view.isColumnHidden(TreeColumn.VALUES)


@pytest.mark.parametrize("known", [True, False])
def test_the_tree_with_a_survey_is_a_proper_item_model(
    tmp_path: Path, qtbot: Any, qtmodeltester: Any, known: bool
) -> None:
    found = surveyed(tmp_path / "net.pth", content())
    tree = ModuleTree()
    qtbot.addWidget(tree)
    tree.show_checkpoint(found if known else replace(found, survey=None))
    qtmodeltester.check(tree.model)
