"""Two files compared in a real window: offered at a drop, by command, by a tab's menu; looked at row by row."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication

from inspector.difference_kinds import KINDS
from inspector.gui.comparison_page import ComparisonPage
from inspector.gui.comparison_page.detail import DifferenceDetail
from inspector.gui.comparison_page.rows_model import Column, ComparisonModel, bar_share
from inspector.gui.comparison_page.rows_table import ComparisonTable
from inspector.gui.main_window import MainWindow
from inspector.session.comparison_state import ComparisonRow, ComparisonRows
from inspector.session.differing import DifferenceView
from inspector.session.state import TensorView

SECONDS = 60_000


def network(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"stem.weight": (8, 3, 5, 5), "stem.bias": (8,)}
    shapes |= {f"blocks.{n}.{m}.weight": (6, 40) for n in range(4) for m in range(3)}
    shapes |= {"head.weight": (4, 6), "head.bias": (4,)}
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    before = network(1)
    after = {name: tensor.clone() for name, tensor in before.items()}
    after["head.weight"] += 0.5
    after["head.bias"][0] = float("nan")
    after["blocks.3.2.weight"] *= 1.01
    after["extra"] = torch.ones(2)
    del after["stem.bias"]
    torch.save(before, tmp_path / "before.pth")
    torch.save({"model": {f"module.{name}": tensor for name, tensor in after.items()}}, tmp_path / "after.pth")
    return tmp_path / "before.pth", tmp_path / "after.pth"


def opened(window: MainWindow, qtbot: Any, *paths: Path) -> list[int]:
    for number, path in enumerate(paths):
        window.open_paths([path])
        settled(window, qtbot, number + 1)
    return list(window.store.checkpoints)


def settled(window: MainWindow, qtbot: Any, count: int) -> None:
    def is_settled() -> bool:
        found = list(window.store.checkpoints.values())
        return len(found) == count and all(one.tensor_view is not None for one in found) and window.is_furnished

    qtbot.waitUntil(is_settled, timeout=SECONDS)
    qtbot.waitUntil(lambda: window.centre.current == "tensor", timeout=SECONDS)


def ready(window: MainWindow, qtbot: Any) -> ComparisonPage:
    def is_ready() -> bool:
        found = window.store.checkpoint_comparison
        return found is not None and found.phase == "ready" and window.centre.current == "comparison"

    qtbot.waitUntil(is_ready, timeout=SECONDS)
    return window.centre.comparison


@pytest.fixture
def page(window: MainWindow, qtbot: Any, files: tuple[Path, Path]) -> ComparisonPage:
    opened(window, qtbot, *files)
    window.comparing.compare_shown()
    return ready(window, qtbot)


def names(page: ComparisonPage) -> list[str]:
    return [page.model.index(row, Column.NAME).data() for row in range(page.model.rowCount())]


def shown_tensor(window: MainWindow) -> tuple[str, str]:
    """The shown file, and what is selected in its tree."""
    found, summary = window.session.current, window.tree.model.summary
    assert found is not None
    assert summary is not None
    assert found.summary is summary
    assert summary.tensors[window.tree.selected_node] == found.tensor
    return found.name, summary.names[summary.tensors[window.tree.selected_node]]


def click(qtbot: Any, page: ComparisonPage, name: str) -> None:
    page.table.scrollTo(page.model.index(names(page).index(name), Column.NAME))
    where = page.table.visualRect(page.model.index(names(page).index(name), Column.NAME))
    qtbot.mouseClick(page.table.viewport(), Qt.MouseButton.LeftButton, pos=where.center())


def test_a_second_file_that_is_dropped_is_offered_to_be_compared(
    window: MainWindow, qtbot: Any, files: tuple[Path, Path], drop_on: Callable[..., bool], tmp_path: Path
) -> None:
    torch.save({"else": torch.ones(3, 4)}, tmp_path / "other.pth")
    assert drop_on(window, [tmp_path / "other.pth"])
    settled(window, qtbot, 1)
    assert drop_on(window, [files[0]])
    settled(window, qtbot, 2)
    assert not window.notice.isVisible()  # it has nothing in common with the first
    assert "comparison" not in window.centre.offered
    assert drop_on(window, [files[1]])
    qtbot.waitUntil(window.notice.isVisible, timeout=SECONDS)
    assert window.notice.text.text() == "after.pth looks like the same model as before.pth."
    assert window.notice.compare.text() == "Compare it with before.pth"
    settled(window, qtbot, 3)
    qtbot.mouseClick(window.notice.compare, Qt.MouseButton.LeftButton)
    assert not window.notice.isVisible()
    page = ready(window, qtbot)
    assert [box.currentText() for box in page.pair.boxes] == ["before.pth", "after.pth"]


def test_the_offer_goes_once_it_is_followed_in_another_way_or_one_of_the_two_is_closed(
    window: MainWindow, qtbot: Any, files: tuple[Path, Path]
) -> None:
    opened(window, qtbot, *files)
    qtbot.waitUntil(window.notice.isVisible, timeout=SECONDS)
    window.comparing.compare_shown()
    assert not window.notice.isVisible()
    ready(window, qtbot)
    window.close_checkpoint(max(window.store.checkpoints))
    window.open_paths([files[1]])
    qtbot.waitUntil(window.notice.isVisible, timeout=SECONDS)
    window.close_checkpoint(min(window.store.checkpoints))
    assert not window.notice.isVisible()
    window.store.notice("It can't be read.", "error")
    window.close_checkpoint(max(window.store.checkpoints))
    assert window.notice.isVisible()


def test_the_sentence_the_chips_and_the_rows(page: ComparisonPage, qtbot: Any) -> None:
    assert page.sentence.text().startswith("Only blocks.3 and head were changed, the most in head")
    assert names(page)[:4] == ["head.bias", "head.weight", "blocks.3.2.weight", "stem.bias"]
    shown = {kind: chip.text() for kind, chip in page.chips.buttons.items() if chip.isVisible()}
    assert shown == {"changed": "3 changed", "only_a": "1 only in A", "only_b": "1 only in B", "equal": "12 equal"}
    qtbot.mouseClick(page.chips.buttons["only_a"], Qt.MouseButton.LeftButton)
    assert names(page) == ["stem.bias"]
    qtbot.mouseClick(page.chips.buttons["only_b"], Qt.MouseButton.LeftButton)
    assert names(page) == ["stem.bias", "extra"]
    page.chips.clear()
    qtbot.keyClicks(page.search, "blocks.3 weight")
    qtbot.waitUntil(lambda: names(page) == ["blocks.3.2.weight", "blocks.3.0.weight", "blocks.3.1.weight"])
    qtbot.keyClicks(page.search, " none")
    qtbot.waitUntil(page.nothing.isVisible)
    qtbot.mouseClick(page.nothing.button, Qt.MouseButton.LeftButton)
    assert len(names(page)) == 17


def test_a_title_sorts_and_rows_are_copied(page: ComparisonPage, qtbot: Any) -> None:
    header = page.table.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(Column.NAME) + 20, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert names(page)[:3] == ["blocks.0.0.weight", "blocks.0.1.weight", "blocks.0.2.weight"]
    page.table.setCurrentIndex(page.model.index(2, Column.NAME))
    page.model.sort(Column.CHANGE, Qt.SortOrder.AscendingOrder)
    assert names(page)[:3] == ["head.bias", "blocks.3.2.weight", "head.weight"]  # NaN first, whatever the order
    assert page.table.currentIndex().siblingAtColumn(Column.NAME).data() == "blocks.0.2.weight"  # still
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert len(lines) == 18
    assert lines[2].split("\t")[:2] == ["blocks.3.2.weight", "1.0 %"]


def test_a_row_shows_its_difference_and_leads_to_its_tensor(
    page: ComparisonPage, window: MainWindow, qtbot: Any
) -> None:
    node = window.tree.selected_node
    assert page.detail.name.text() == "head.bias"  # the most changed, by itself: the tree stays
    assert window.tree.selected_node == node
    assert "1 value NaN or infinite in one of the two alone" in page.detail.figures.text()
    click(qtbot, page, "blocks.3.2.weight")
    qtbot.waitUntil(lambda: page.detail.histogram.isVisible(), timeout=SECONDS)
    assert "Relative L2 1.0\u202f%" in page.detail.figures.text()
    assert all(not picture.image().isNull() for picture in page.detail.pictures)
    assert shown_tensor(window) == ("after.pth", "model.module.blocks.3.2.weight")
    assert window.tree.selected_node != node
    assert window.centre.current == "comparison"
    click(qtbot, page, "blocks.0.1.weight")
    assert page.detail.message.text() == "It is the same in both."
    assert window.centre.current == "comparison"
    click(qtbot, page, "stem.bias")
    qtbot.mouseClick(page.detail.open, Qt.MouseButton.LeftButton)
    assert window.centre.current == "tensor"
    assert shown_tensor(window) == ("before.pth", "stem.bias")  # the file that has it


def test_a_small_window_shows_every_chip_whole_and_rows_of_the_table(
    page: ComparisonPage, window: MainWindow, qtbot: Any
) -> None:
    page.chips.show_counts({"changed": 1_000, "shape": 1_000, "only_a": 1_000, "only_b": 1_000, "equal": 1_000})
    window.resize(1024, 640)

    def is_whole() -> bool:
        chips = [chip for chip in page.chips.buttons.values() if chip.isVisible()]
        return len(chips) == 5 and all(page.chips.rect().contains(chip.geometry()) for chip in chips)

    qtbot.waitUntil(is_whole)
    assert page.table.viewport().height() >= 3 * page.table.rowHeight(0)


def test_every_picture_says_what_its_colours_or_bars_stand_for(qtbot: Any) -> None:
    detail = DifferenceDetail()
    qtbot.addWidget(detail)
    figures: dict[str, float | int | None] = dict.fromkeys(
        ("numel", "min", "max", "mean", "std", "norm", "zeros", "nan", "inf"), 1
    )
    plain = TensorView(0, "ready", figures, (0.0, 1.0), (1,), 1, 1, bytes(4), "heatmap")
    colours, bars = replace(plain, mode="filters as RGB"), replace(plain, mode="strip", scale=0.25)
    detail.show_view(DifferenceView(colours, bars, replace(plain, scale=2.0)), (4,))
    said = [scale.text() for scale in detail.scales]
    assert said == ["each by itself", "bars to 0.2500", "up to ±2.0000"]
    detail.show_view(DifferenceView(*[replace(plain, note="every weight is zero")] * 3), (4,))
    assert [scale.text() for scale in detail.scales] == ["every weight is zero"] * 3


def test_swapping_and_choosing_another(page: ComparisonPage, window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    qtbot.mouseClick(page.pair.swap, Qt.MouseButton.LeftButton)
    page = ready(window, qtbot)
    assert [box.currentText() for box in page.pair.boxes] == ["after.pth", "before.pth"]
    assert page.chips.buttons["only_a"].text() == "1 only in A"
    assert "extra" in [page.model.rows.names[row] for row in page.model.shown if page.model.rows.kind(row) == "only_a"]
    torch.save(network(2), tmp_path / "third.pth")
    window.open_paths([tmp_path / "third.pth"])
    qtbot.waitUntil(lambda: page.pair.boxes[0].findText("third.pth") >= 0, timeout=SECONDS)
    box = page.pair.boxes[1]
    box.setCurrentIndex(box.findText("third.pth"))
    box.activated.emit(box.currentIndex())
    window.centre.turn_to("comparison")
    page = ready(window, qtbot)
    assert [box.currentText() for box in page.pair.boxes] == ["after.pth", "third.pth"]


def test_cancelling_and_closing(page: ComparisonPage, window: MainWindow, qtbot: Any) -> None:
    a, b = list(window.store.checkpoints)
    window.comparing.compare(a, b)
    assert page.cancel.isVisible()
    assert window.commands.actions["cancel"].isEnabled()
    window.commands.actions["cancel"].trigger()
    assert page.empty.title.text() == "The comparison was cancelled"
    qtbot.mouseClick(page.empty.button, Qt.MouseButton.LeftButton)
    ready(window, qtbot)
    window.close_checkpoint(a)
    assert window.store.checkpoint_comparison is None
    assert "comparison" not in window.centre.offered
    assert window.centre.current == "tensor"


def test_the_command_asks_for_a_file_where_no_other_is_open(
    window: MainWindow, qtbot: Any, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(window, qtbot, files[0])
    monkeypatch.setattr("inspector.gui.file_dialogs.ask_for_checkpoints", lambda *_: [files[1]])
    action = window.commands.actions["compare_files"]
    assert action.isEnabled()
    qtbot.keyClick(window, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    page = ready(window, qtbot)
    assert not window.notice.isVisible()
    assert [box.currentText() for box in page.pair.boxes] == ["before.pth", "after.pth"]


def test_a_tab_offers_to_compare(window: MainWindow, qtbot: Any, files: tuple[Path, Path]) -> None:
    a, b = opened(window, qtbot, *files)
    menu = window.comparing.menu_of(b)
    texts = [action.text() for action in menu.actions()]
    assert texts == ["Compare with before.pth", "Compare with another file…", "", "Close"]
    menu.actions()[0].trigger()
    menu.deleteLater()
    ready(window, qtbot)
    found = window.store.checkpoint_comparison
    assert found is not None
    assert (found.a, found.b) == (a, b)


def test_bars_are_logarithmic_and_full_where_something_is_broken() -> None:
    def share(relative: float, kind: str = "changed") -> float:
        return bar_share(ComparisonRow(kind, "w", 0, 0, 1.0, relative, 1.0, 0, False, ""))

    assert share(float("nan")) == share(float("inf")) == share(1.0) == share(40.0) == 1.0
    assert share(1e-2) == pytest.approx(0.5)
    assert share(0.0) == share(1e-30) == 0.03
    assert share(0.5, "equal") == 0.0


def test_the_row_model_is_a_sound_model(page: ComparisonPage, qtmodeltester: Any) -> None:
    qtmodeltester.check(page.model)


def many_rows(count: int) -> ComparisonRows:
    """Return rows of which every third is equal, and every fiftieth changed by what is no number."""
    drawn = random.Random(1)
    kinds = [KINDS.index("equal" if row % 3 == 0 else "changed") for row in range(count)]
    changes = [math.nan if row % 50 == 1 else drawn.random() for row in range(count)]
    numbers, figures = array("i", range(count)).tobytes(), array("d", changes).tobytes()
    names = "\0".join(f"Layer{row}.weight" for row in range(count)).encode()
    places, sizes = array("i", drawn.sample(range(count), count)), array("q", [row % 7 for row in range(count)])
    zeros, empty = array("q", bytes(8 * count)).tobytes(), ("\0" * (count - 1)).encode()
    return ComparisonRows(
        [bytes(kinds), numbers, numbers, figures, figures, figures, zeros, bytes(count), names, empty,
         places.tobytes(), sizes.tobytes()]
    )  # fmt: skip


@pytest.mark.parametrize("count", [300, 20_000])
def test_rows_are_put_in_order_a_few_at_a_time_however_many_they_are(qtbot: Any, count: int) -> None:
    model, rows = ComparisonModel(), many_rows(count)

    def settled(change: Callable[[], None]) -> list[int]:
        with qtbot.waitSignal(model.settled):
            change()
            assert not (model.is_busy and count == 300), "few are there at once"
        return list(model.shown)

    model.set_rows(rows, None)
    assert list(model.shown) == list(range(count))
    found = settled(lambda: model.sort(Column.CHANGE, Qt.SortOrder.DescendingOrder))
    changed = [row for row in range(count) if rows.kind(row) == "changed"]
    nan = [row for row in changed if math.isnan(rows.relative_l2[row])]
    known = sorted(set(changed) - set(nan), key=rows.relative_l2.__getitem__, reverse=True)
    assert found == [*nan, *known, *range(0, count, 3)]
    found = settled(lambda: model.sort(Column.SHAPE, Qt.SortOrder.AscendingOrder))
    assert found == sorted(range(count), key=lambda row: row % 7)
    found = settled(lambda: model.set_filter(frozenset(["equal"]), "LAYER 9"))
    assert found == [row for row in sorted(range(0, count, 3), key=lambda row: row % 7) if "9" in str(row)]
    model.set_filter(frozenset(KINDS), "")
    model.set_rows(many_rows(2), None)
    assert len(model.shown) == 2, "what was being chosen of other rows is forgotten"
    assert not model.is_busy


def test_many_rows_are_copied_a_few_at_a_time_and_not_of_another_comparison(qtbot: Any) -> None:
    model = ComparisonModel()
    table = ComparisonTable(model)
    qtbot.addWidget(table)
    model.set_rows(many_rows(6_000), None)
    clipboard = QGuiApplication.clipboard()
    clipboard.setText("before")
    table.copy_rows()
    assert clipboard.text() == "before"
    qtbot.waitUntil(lambda: clipboard.text() != "before", timeout=SECONDS)
    lines = clipboard.text().splitlines()
    assert lines[0].split("\t")[0] == "Tensor"
    assert [line.split("\t")[0] for line in lines[1:]] == [f"Layer{row}.weight" for row in range(6_000)]
    clipboard.setText("before")
    table.copy_rows()
    model.set_rows(many_rows(2), None)
    assert not table.is_copying
    assert clipboard.text() == "before"
