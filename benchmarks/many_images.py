"""The longest gaps in the window's event loop while a folder of very many images is dropped, seen and cleared.

The first row is a session's first drop: the demo is attached to predict it, and the strip comes into sight.
A real window with its real processes, once with nothing attached and once with the demo's model, which predicts them.
Rows and figures are those of ``window_gaps.py``: the longest gap, the longest without the time in which other programs
had the processors, and the most that the window's thread computed between two turns. Needs Pillow.

    python benchmarks/many_images.py [--images 10000] [--predict 1000] [--stacks]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication

from inspector.desktop.settings import SettingsStore
from inspector.gui import theme
from inspector.gui.main_window import MainWindow
from inspector.gui.results_model import Column
from inspector.gui.start import make_window
from inspector.shipped import shipped_path
from window_gaps import WANTED, Gaps, resident_megabytes, watch_stacks


def make_images(folder: Path, count: int) -> Path:
    """Write small JPEGs of different colours."""
    folder.mkdir()
    for number in range(count):
        color = (number * 7 % 256, number * 13 % 256, number * 29 % 256)
        Image.new("RGB", (48, 36), color).save(folder / f"image{number}.jpg")
    return folder


class Run:
    """One window, driven through what a person does with a folder of images."""

    def __init__(self, window: MainWindow, gaps: Gaps) -> None:
        self.window, self.gaps = window, gaps

    def until(self, condition: Callable[[], bool], calm: float = 0.4, seconds: float = 900.0) -> None:
        """Run Qt's own loop until a condition has held for ``calm`` seconds."""
        loop, held, end = QEventLoop(), [time.monotonic()], time.monotonic() + seconds

        def check() -> None:
            now = time.monotonic()
            if not condition():
                held[0] = now
            if now - held[0] > calm:
                loop.quit()
            if now > end:
                raise SystemExit("The window never became quiet.")

        timer = QTimer()
        timer.timeout.connect(check)
        timer.start(20)
        loop.exec()
        timer.stop()

    def tell(self, phase: str) -> None:
        """Print a row."""
        figures = " ".join(f"{found:8.0f} ms" for found in self.gaps.take())
        print(f"{phase:58} {figures} {f'<= {WANTED:.0f} ms':>9}", flush=True)

    def drop(self, folder: Path, count: int, what: str) -> None:
        """Add a folder; wait until its images are in the strip and the first ones are shown."""
        self.window.session.add_images([folder])
        store = self.window.store
        self.until(lambda: len(store.images) == count and not store.adding)
        self.tell(f"{what}: dropped")

    def scroll(self, what: str) -> None:
        """Scroll the strip through, then stand it up as a grid and scroll that."""
        view = self.window.strip.view
        for grid, bar in ((False, view.horizontalScrollBar()), (True, view.verticalScrollBar())):
            if grid:
                dock = self.window.panels.docks["images"]
                self.window.resizeDocks([dock], [420], Qt.Orientation.Vertical)
                self.until(lambda: True)
            for step in range(1, 21):
                bar.setValue(bar.maximum() * step // 20)
                self.until(lambda: True, calm=0.05)
            self.tell(f"{what}: scrolled as a {'grid' if grid else 'row'}")
        made = [item for item in self.window.store.images.values() if item.thumbnail is not None]
        print(f"{'':58} {len(made):8} thumbnails are kept, {resident_megabytes('VmRSS'):.0f} MB resident")

    def results(self, what: str) -> None:
        """Turn to the results, sort, filter, count."""
        self.window.centre.turn_to("results")
        page = self.window.centre.results
        self.until(lambda: not page.model.is_busy)
        self.tell(f"{what}: turned to the results")
        for column in (Column.FILE, Column.SCORE, Column.PREDICTION):
            page.table.sortByColumn(column, Qt.SortOrder.DescendingOrder)
            self.until(lambda: not page.model.is_busy, calm=0.2)
        self.tell(f"{what}: sorted three ways")
        page.table_page.filter.search.setText("99")
        self.until(lambda: page.model.filter.text == "99")
        page.table_page.filter.clear()
        self.until(lambda: not page.model.filter.is_on)
        self.tell(f"{what}: filtered and shown again")


def main() -> None:
    """Measure and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--predict", type=int, default=1_000)
    parser.add_argument("--stacks", action="store_true", help="print where the window is in every long gap")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="inspector-benchmark-") as name:
        os.environ["INSPECTOR_CONFIG_DIR"] = str(Path(name) / "config")
        folders = {count: make_images(Path(name) / f"{count}", count) for count in (options.images, options.predict)}
        app = QApplication(sys.argv[:1])
        theme.apply(app, "light")
        window = make_window(SettingsStore())
        window.resize(1440, 900)
        window.show()
        window.session.warm_up(engine=True)
        gaps = Gaps()
        if options.stacks:
            watch_stacks(gaps)
        measure(Run(window, gaps), folders, options.images, options.predict)
        window.close()


def measure(run: Run, folders: dict[int, Path], many: int, some: int) -> None:
    """Go through all phases."""
    window, session, store = run.window, run.window.session, run.window.store
    number = session.open(shipped_path("demo/digits.pth"))
    run.until(
        lambda: window.is_furnished and window.ahead.is_done and store.checkpoints[number].match_report is not None
    )
    run.until(lambda: store.engine.phase == "ready")
    print(f"{'':58} {'longest':>11} {'unqueued':>11} {'computed':>11} {'wanted':>9}")
    run.gaps.take()
    session.add_images([folders[some]])
    run.until(lambda: len(store.images) == some and session.unfinished_predictions == 0)
    run.tell(f"{some:,} images predicted in a real window")
    run.results(f"{some:,} images")
    session.clear_images()
    run.until(lambda: not store.images)
    run.tell(f"{some:,} images: cleared")
    run.drop(folders[many], many, f"{many:,} images, the demo attached")
    session.cancel_predictions()
    run.until(lambda: session.unfinished_predictions == 0)
    run.tell(f"{many:,} images: predicting cancelled")
    run.scroll(f"{many:,} images")
    run.results(f"{many:,} images")
    session.clear_images()
    run.until(lambda: not store.images)
    run.tell(f"{many:,} images: cleared")
    session.detach(number)
    window.close_checkpoint(number)
    run.until(lambda: not store.checkpoints)
    run.gaps.take()
    run.drop(folders[many], many, f"{many:,} images, nothing open")


if __name__ == "__main__":
    main()
