"""The views that plot, in the real window with a real worker: what they show equals numpy, by real events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from inspector.checkpoint import open_checkpoint
from inspector.checkpoint.columns import encode
from inspector.checkpoint.summary import CheckpointSummary
from inspector.gui.main_window import MainWindow
from inspector.gui.tensor_panel import TensorPanel
from inspector.gui.views.batch_norm_view import BatchNormView
from inspector.gui.views.histogram_page import HistogramPage
from inspector.gui.views.kinship import optimizer_parts
from inspector.gui.views.optimizer_view import OptimizerView
from inspector.gui.views.plot_view import PlotView
from inspector.gui.views.registry import WeightView

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints", extend=True)

V = TypeVar("V", bound=WeightView)
GENERATOR = torch.Generator().manual_seed(0)
WEIGHTS = torch.randn(64, 3, 7, 7, generator=GENERATOR)
LONG = torch.randn(300_000, generator=GENERATOR)
LONG[123_456] = -30
ODD = torch.tensor([1.0, float("nan"), 2.0, float("inf"), -1.0])


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training checkpoint: convolution, batch norm with a channel switched off, and Adam's state."""
    torch.manual_seed(0)
    norm = torch.nn.BatchNorm2d(8)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), norm)
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.randn(4, 3, 5, 5)).square().sum().backward()
        optimizer.step()
    with torch.no_grad():
        norm.weight[2] = 0
    state = net.state_dict()
    found = tmp_path_factory.mktemp("plots") / "training.pth"
    extra = {"weights": WEIGHTS, "long": LONG, "odd": ODD, "half": WEIGHTS[0].half(), "z": WEIGHTS[0] + 1j}
    extra |= {"digits": torch.tensor([3, 3, 2, 3, 2, -2]), "mask": torch.tensor([True, False, True])}
    lonely = {"scalar": torch.tensor(2.0), "empty": torch.zeros(0, 4), "all_nan": torch.full((9,), float("nan"))}
    folded = torch.nn.BatchNorm1d(5).state_dict()
    torch.save(
        {"model": state, "folded": folded, "optimizer": optimizer.state_dict(), "extra": {**extra, **lonely}}, found
    )
    return found


class Looking:
    """Looks at tensors of one file as a person does."""

    def __init__(self, window: MainWindow, qtbot: Any, path: Path) -> None:
        self.window, self.qtbot = window, qtbot
        window.resize(1280, 800)
        self.number = window.session.open(path)
        qtbot.waitUntil(lambda: window.store.checkpoints[self.number].summary is not None, timeout=20_000)

    @property
    def panel(self) -> TensorPanel:
        return self.window.findChildren(TensorPanel)[0]

    def select(self, name: str) -> None:
        summary = self.window.store.checkpoints[self.number].summary
        assert summary is not None
        self.window.session.select_tensor(self.number, summary.names.index(name))
        self.qtbot.waitUntil(self.is_ready, timeout=20_000)

    def is_ready(self) -> bool:
        view = self.window.store.checkpoints[self.number].tensor_view
        return view is not None and view.phase != "running"

    def at(self, name: str, view: str, kind: type[V]) -> V:
        self.select(name)
        self.qtbot.waitUntil(lambda: view in self.panel.switch.names)
        QTest.mouseClick(self.panel.switch.segmented.buttons[view], Qt.MouseButton.LeftButton)
        assert self.panel.pages is not None
        shown = self.panel.pages.view(view)
        assert isinstance(shown, kind)
        assert shown.isVisible()
        return shown

    def until(self, condition: Any) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=20_000)


@pytest.fixture
def looking(window: MainWindow, qtbot: Any, path: Path) -> Looking:
    return Looking(window, qtbot, path)


def array(values: Any) -> npt.NDArray[np.float64]:
    return np.array(values, np.float64)


def values_of(path: Path, *keys: str) -> npt.NDArray[np.float64]:
    found: Any = torch.load(path, weights_only=True)
    for key in keys:
        found = found[int(key) if key.isdecimal() and key not in found else key]
    return cast("npt.NDArray[np.float64]", found.double().numpy())


# -- histogram ---------------------------------------------------------------------------------------------------


def test_a_histogram_with_percentiles(looking: Looking) -> None:
    view = looking.at("extra.weights", "histogram", HistogramPage)
    looking.until(lambda: view.canvas.plot.curves and view.tiles.tiles[4].text != "–")
    plain = WEIGHTS.double().numpy().ravel()
    counts, edges = np.histogram(plain, 128)
    np.testing.assert_array_equal(array(view.canvas.plot.curves[0].y), counts)
    np.testing.assert_allclose(array(view.canvas.plot.curves[0].x), edges)
    marks = {mark.text: mark.value for mark in view.canvas.plot.marks}
    assert marks["median"] == pytest.approx(np.percentile(plain, 50), rel=1e-12)
    assert marks["99.9\u202f%"] == pytest.approx(np.percentile(plain, 99.9), rel=1e-12)
    assert marks["mean"] == pytest.approx(plain.mean())
    assert marks["+σ"] == pytest.approx(plain.mean() + plain.std())
    view.marks.click()
    assert view.canvas.plot.marks == ()
    view.log.click()
    assert view.canvas.plot.y_scale == "linear"


def test_a_zoomed_range_is_counted_anew(looking: Looking) -> None:
    view = looking.at("extra.weights", "histogram", HistogramPage)
    looking.until(lambda: view.canvas.plot.curves)
    view.canvas.setFocus()
    whole = view.canvas.plot.curves[0]
    for _ in range(10):
        QTest.keyClick(view.canvas, Qt.Key.Key_Plus)
    looking.until(lambda: view.canvas.plot.curves and view.canvas.plot.curves[0] is not whole)
    seen, curve = view.canvas.seen_x, view.canvas.plot.curves[0]
    edges = array(curve.x)
    inside = [place for place in range(len(curve.y)) if seen.low <= (edges[place] + edges[place + 1]) / 2 <= seen.high]
    assert len(inside) == 128
    expected, _ = np.histogram(WEIGHTS.double().numpy(), edges)
    # a value within rounding of an edge may lie on either side of it
    assert np.abs(array(curve.y) - expected).sum() <= 4
    view.bins.setCurrentIndex(0)
    looking.until(lambda: view.canvas.plot.curves and len(view.canvas.plot.curves[0].y) == 48)
    QTest.keyClick(view.canvas, Qt.Key.Key_0)
    looking.until(lambda: view.canvas.plot.curves and len(view.canvas.plot.curves[0].y) == 16)
    assert sum(view.canvas.plot.curves[0].y) == WEIGHTS.numel()


def test_whole_numbers_have_bins_of_their_own(looking: Looking) -> None:
    view = looking.at("extra.digits", "histogram", HistogramPage)
    looking.until(lambda: view.canvas.plot.curves)
    assert list(view.canvas.plot.curves[0].x) == [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5]
    assert list(view.canvas.plot.curves[0].y) == [1, 0, 0, 0, 2, 3]
    view.canvas.setFocus()
    QTest.keyClick(view.canvas, Qt.Key.Key_Plus)
    for _ in range(6):
        QTest.keyClick(view.canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert view.canvas.reading == "3: 3 values (50.0\u202f%)"
    view = looking.at("extra.mask", "histogram", HistogramPage)
    looking.until(lambda: [list(curve.y) for curve in view.canvas.plot.curves] == [[1, 2]])


def test_what_is_not_finite_is_left_out_and_told(looking: Looking) -> None:
    view = looking.at("extra.odd", "histogram", HistogramPage)
    looking.until(lambda: view.canvas.plot.curves)
    assert sum(view.canvas.plot.curves[0].y) == 3
    assert "2 NaN or Inf left out" in view.canvas.plot.y_title
    view = looking.at("extra.all_nan", "histogram", HistogramPage)
    looking.until(lambda: "Nothing in this tensor is finite" in view.message.text())
    assert [tile.text for tile in view.tiles.tiles] == ["–"] * 9


def test_single_values_have_no_distribution(looking: Looking) -> None:
    for name in ("extra.scalar", "extra.empty"):
        looking.select(name)
        assert not {"histogram", "plot", "batch_norm", "optimizer"} & set(looking.panel.switch.names)


# -- plot --------------------------------------------------------------------------------------------------------


def test_a_long_line_loses_no_extreme(looking: Looking) -> None:
    view = looking.at("extra.long", "plot", PlotView)
    looking.until(lambda: view.canvas.plot.curves)
    curve = view.canvas.plot.curves[0]
    assert curve.kind == "band"
    assert len(curve.y) < 5_000
    assert curve.low is not None
    assert min(curve.low) == -30
    assert max(curve.y) == LONG.max()
    view.canvas.setFocus()
    for _ in range(50):
        QTest.keyClick(view.canvas, Qt.Key.Key_Plus)
    looking.until(lambda: view.canvas.plot.curves and view.canvas.plot.curves[0].kind == "line")
    center = view.canvas.rect().center()
    QTest.mouseMove(view.canvas, center)
    looking.until(lambda: view.canvas.pointed_x is not None)
    index = int(view.canvas.pointed_x or 0)
    low, high = int(view.canvas.seen_x.low), int(view.canvas.seen_x.high)
    assert low <= index <= high
    shown = dict(zip(view.canvas.plot.curves[0].x, view.canvas.plot.curves[0].y, strict=True))
    assert all(shown[place] == pytest.approx(float(LONG[place])) for place in range(low + 1, high))
    told = f"[{index:,}]".replace(",", "\u202f")
    assert view.canvas.reading.startswith(told)


def test_any_line_of_a_tensor(looking: Looking) -> None:
    view = looking.at("extra.weights", "plot", PlotView)
    looking.until(lambda: view.canvas.plot.curves)
    plain = WEIGHTS.double().numpy()
    np.testing.assert_array_equal(array(view.canvas.plot.curves[0].y), plain[:, 0, 0, 0])
    assert [box.isVisible() for box in view.at[:5]] == [False, True, True, True, False]
    view.at[1].setFocus()
    QTest.keyClick(view.at[1], Qt.Key.Key_Up)
    QTest.keyClick(view.at[3], Qt.Key.Key_Up)
    looking.until(lambda: view.canvas.plot.curves and view.canvas.plot.curves[0].y[0] == plain[0, 1, 0, 1])
    np.testing.assert_array_equal(array(view.canvas.plot.curves[0].y), plain[:, 1, 0, 1])
    view.along.setCurrentIndex(2)
    looking.until(lambda: view.canvas.plot.curves and len(view.canvas.plot.curves[0].y) == 7)
    np.testing.assert_array_equal(array(view.canvas.plot.curves[0].y), plain[0, 1, :, 1])
    assert [box.isVisible() for box in view.at[:4]] == [True, True, False, True]


def test_values_in_order_and_on_a_log_scale(looking: Looking) -> None:
    view = looking.at("extra.weights", "plot", PlotView)
    looking.until(lambda: view.canvas.plot.curves)
    QTest.mouseClick(view.ordered, Qt.MouseButton.LeftButton)
    looking.until(lambda: view.canvas.plot.x_title.startswith("Rank") and not view._question.is_open)
    shown = array(view.canvas.plot.curves[0].y)
    np.testing.assert_array_equal(shown, np.sort(WEIGHTS.double().numpy()[:, 0, 0, 0]))
    QTest.mouseClick(view.log, Qt.MouseButton.LeftButton)
    assert view.canvas.plot.y_scale == "symlog"
    view.canvas.grab()


def test_odd_values_are_marked(looking: Looking) -> None:
    view = looking.at("extra.odd", "plot", PlotView)
    looking.until(lambda: view.canvas.plot.curves)
    assert [mark.value for mark in view.canvas.plot.marks] == [1, 3]
    assert view.message.text() == "2 values here are NaN or Inf"


def test_another_tensor_begins_anew(looking: Looking) -> None:
    view = looking.at("extra.weights", "plot", PlotView)
    looking.until(lambda: view.canvas.plot.curves)
    view.canvas.zoom_by(4)
    looking.select("extra.long")
    looking.until(lambda: view.canvas.plot.x.high > 1_000)
    assert view.canvas.fitted
    looking.select("extra.z")
    looking.until(lambda: view.canvas.plot.curves and len(view.canvas.plot.curves[0].y) == 7)
    expected = np.abs((WEIGHTS[0] + 1j).to(torch.complex128).numpy())[0, :, 0]
    np.testing.assert_allclose(array(view.canvas.plot.curves[0].y), expected, rtol=1e-12)


# -- batch norm ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["weight", "bias", "running_mean", "running_var"])
def test_a_batch_norm_whole_from_any_part(looking: Looking, path: Path, part: str) -> None:
    view = looking.at(f"model.1.{part}", "batch_norm", BatchNormView)
    looking.until(lambda: len(view.canvases()) == 5)
    names = ("weight", "bias", "running_mean", "running_var")
    plain = {name: values_of(path, "model", f"1.{name}") for name in names}
    for name in plain:
        np.testing.assert_array_equal(array(view.plots[name].plot.curves[0].y), plain[name])
    scale = plain["weight"] / np.sqrt(plain["running_var"] + 1e-5)
    np.testing.assert_allclose(array(view.plots["scale"].plot.curves[0].y), scale, rtol=1e-12)
    assert list(view.plots["weight"].plot.curves[1].x) == [2]
    assert view.message.text().startswith("1 channel of 8 has a gamma near 0")
    view.eps.setCurrentIndex(1)
    wanted = plain["weight"] / np.sqrt(plain["running_var"] + 1e-3)
    looking.until(
        lambda: (
            view.plots["scale"].plot.curves
            and np.allclose(array(view.plots["scale"].plot.curves[0].y), wanted, rtol=1e-12)
        )
    )


def test_channels_are_linked_and_sorted(looking: Looking, path: Path) -> None:
    view = looking.at("model.1.weight", "batch_norm", BatchNormView)
    looking.until(lambda: len(view.canvases()) == 5)
    gamma, beta = view.plots["weight"], view.plots["bias"]
    lefts = {canvas.drawing(canvas.rect().toRectF()).area.left() for canvas in view.canvases()}
    assert len(lefts) == 1, "a channel lies at the same place in all plots"
    QTest.mouseMove(gamma, gamma.rect().center())
    looking.until(lambda: gamma.pointed_x is not None)
    assert beta.pointed_x == gamma.pointed_x
    assert beta.reading.startswith(f"channel {int(gamma.pointed_x or 0)}: ")
    gamma.setFocus()
    QTest.keyClick(gamma, Qt.Key.Key_Plus)
    assert beta.seen_x == gamma.seen_x != gamma.plot.x
    view.order.setCurrentIndex(1)
    weight, bias = values_of(path, "model", "1.weight"), values_of(path, "model", "1.bias")
    order = np.argsort(-np.abs(weight), kind="stable")
    np.testing.assert_array_equal(array(beta.plot.curves[0].y), bias[order])


def test_a_folded_batch_norm_is_told(looking: Looking) -> None:
    view = looking.at("folded.weight", "batch_norm", BatchNormView)
    looking.until(lambda: len(view.canvases()) == 5)
    assert view.message.text().startswith("Running mean 0 and variance 1 in every channel")
    for canvas in view.canvases():
        canvas.grab()


def test_other_vectors_are_no_batch_norm(looking: Looking) -> None:
    for name in ("model.0.bias", "model.1.num_batches_tracked", "extra.long"):
        looking.select(name)
        assert "batch_norm" not in looking.panel.switch.names


# -- optimizer -----------------------------------------------------------------------------------------------------


def test_a_parameter_beside_its_moments_and_back(looking: Looking, path: Path) -> None:
    view = looking.at("model.0.weight", "optimizer", OptimizerView)
    looking.until(lambda: len(view.cards) == 4)
    assert [card.title.text() for card in view.cards] == [
        "parameter",
        "exp_avg",
        "exp_avg_sq",
        "|exp_avg| / √exp_avg_sq",
    ]
    assert view.steps.text() == "step 3"
    assert not view.back.isVisible()
    first = values_of(path, "optimizer", "state", "0", "exp_avg")
    second = values_of(path, "optimizer", "state", "0", "exp_avg_sq")
    tiles = {tile.name: tile.text for tile in view.cards[3].tiles.tiles}
    assert float(tiles["mean"]) == pytest.approx((np.abs(first) / np.sqrt(second)).mean(), abs=1e-4)
    assert sum(view.cards[1].canvas.plot.curves[0].y) == first.size
    QTest.mouseClick(view.cards[1].title, Qt.MouseButton.LeftButton)
    summary = looking.window.store.checkpoints[looking.number].summary
    assert summary is not None
    selected = looking.window.store.checkpoints[looking.number].tensor
    assert selected is not None
    assert summary.names[selected] == "optimizer.state.0.exp_avg"
    looking.until(lambda: view.back.isVisible() and len(view.cards) == 4)
    QTest.mouseClick(view.back, Qt.MouseButton.LeftButton)
    selected = looking.window.store.checkpoints[looking.number].tensor
    assert selected is not None
    assert summary.names[selected] == "model.0.weight"


def test_states_of_two_optimizers_are_kept_apart(tmp_path: Path) -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 2)
    optimizers = [torch.optim.Adam(layer.parameters()), torch.optim.SGD(layer.parameters(), 0.1, momentum=0.9)]
    for optimizer in optimizers:
        optimizer.zero_grad()
        layer(torch.ones(1, 3)).sum().backward()
        optimizer.step()
    content = {"model": layer.state_dict(), "adam": optimizers[0].state_dict(), "sgd": optimizers[1].state_dict()}
    torch.save(content, tmp_path / "two.pth")
    with open_checkpoint(tmp_path / "two.pth") as checkpoint:
        header, columns = encode(checkpoint)
    summary = CheckpointSummary(json.loads(json.dumps(header)), columns)
    weight = summary.names.index("model.weight")
    adam, sgd = (summary.names.index(name) for name in ("adam.state.0.exp_avg", "sgd.state.0.momentum_buffer"))
    assert set(optimizer_parts(summary, weight)) == set(optimizer_parts(summary, adam))
    assert optimizer_parts(summary, adam)["exp_avg"] == adam
    assert optimizer_parts(summary, sgd) == {"parameter": weight, "momentum_buffer": sgd}
    assert optimizer_parts(summary, summary.names.index("model.bias"))["parameter"] != weight


def test_what_has_no_moments_offers_none(looking: Looking) -> None:
    for name in ("model.1.running_mean", "extra.weights"):
        looking.select(name)
        assert "optimizer" not in looking.panel.switch.names


# -- pictures, failures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("extra.weights", "histogram"),
        ("extra.long", "plot"),
        ("model.1.bias", "batch_norm"),
        ("model.0.weight", "optimizer"),
    ],
)
def test_every_view_is_copied_and_saved(
    looking: Looking, name: str, view: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = looking.at(name, view, WeightView)
    page = cast("HistogramPage", shown)
    looking.until(lambda: page.canvases() and all(canvas.plot.curves for canvas in page.canvases()))
    looking.until(lambda: page.drawing_size().width() > 300 and page.drawing_size().height() > 50)  # it is laid out

    def copied() -> bool:
        page.bar.copy.click()
        return QGuiApplication.clipboard().image().width() == page.drawing_size().width() * 2

    looking.until(copied)
    for kind in ("png", "svg"):
        out = tmp_path / f"out.{kind}"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, out=out: (str(out), ""))
        page.bar.save.click()
        assert out.stat().st_size > 1_000


def test_a_file_that_is_gone_is_told(looking: Looking, path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "gone.pth"
    copy.write_bytes(path.read_bytes())
    other = Looking(looking.window, looking.qtbot, copy)
    view = other.at("extra.weights", "histogram", HistogramPage)
    other.until(lambda: view.canvas.plot.curves)
    copy.unlink()
    view.bins.setCurrentIndex(0)
    other.until(lambda: view.message.isVisible() and "gone.pth" in view.message.text())


def test_a_tensor_in_a_collapsed_module_stays_selected(looking: Looking) -> None:
    """Revealing its row inserts rows above the selected one, which was told of as if nothing were selected."""
    looking.select("extra.odd")
    looking.window.tree.view.setFocus()
    QTest.keyClick(looking.window.tree.view, Qt.Key.Key_Home)
    looking.select("optimizer.state.3.exp_avg")
    for name in ("model.1.weight", "optimizer.state.2.exp_avg", "extra.odd"):
        looking.select(name)
        found = looking.window.store.checkpoints[looking.number]
        assert found.summary is not None
        assert found.tensor is not None
        assert found.summary.names[found.tensor] == name


def test_the_wheel_over_a_plot_zooms_and_does_not_scroll_the_panel(looking: Looking) -> None:
    looking.window.resize(1280, 480)
    view = looking.at("model.1.weight", "batch_norm", BatchNormView)
    looking.until(lambda: len(view.canvases()) == 5)
    bar, canvas = looking.panel.area.verticalScrollBar(), view.plots["weight"]
    looking.until(lambda: bar.maximum() > 0)
    at = canvas.rect().center()
    event = QWheelEvent(
        at.toPointF(), canvas.mapToGlobal(at).toPointF(), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    canvas.zoom_by(3)
    seen = canvas.seen_x
    QApplication.sendEvent(canvas, event)
    assert bar.value() == 0
    assert canvas.seen_x != seen
