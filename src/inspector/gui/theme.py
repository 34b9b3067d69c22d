"""The look: colours for light and dark, the application's style sheet, fonts. The only place that names a colour."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget


@dataclass(frozen=True, slots=True)
class Colors:
    """The colours of one theme, as ``#rrggbb``."""

    window: str  # behind the tabs
    surface: str  # panels
    raised: str  # cards, inputs
    border: str
    text: str
    muted: str  # secondary text; at least 4.5 : 1 on surface
    accent: str
    accent_text: str  # on accent
    accent_soft: str  # selection, chips
    positive: str
    positive_soft: str
    warning: str
    warning_soft: str
    danger: str
    danger_soft: str
    negative_value: str  # histogram bars below zero
    positive_value: str  # and above
    track: str  # behind bars
    hover: str


LIGHT = Colors(
    window="#f3f5f8", surface="#ffffff", raised="#ffffff", border="#dfe3e9", text="#1b2026", muted="#5f6875",
    accent="#2f6bdf", accent_text="#ffffff", accent_soft="#e6effc", positive="#1a7f45", positive_soft="#e3f4ea",
    warning="#8f5a00", warning_soft="#fdf1dc", danger="#b3261e", danger_soft="#fce8e6", negative_value="#4a80e0",
    positive_value="#cc6049", track="#e0e5ec", hover="#f1f4f8",
)  # fmt: skip

DARK = Colors(
    window="#17191d", surface="#1f2226", raised="#262a2f", border="#353a41", text="#e6e9ed", muted="#9aa3af",
    accent="#6aa1ff", accent_text="#10131a", accent_soft="#25395c", positive="#5fd08b", positive_soft="#1d3527",
    warning="#f0b45a", warning_soft="#3a2e18", danger="#ff8a80", danger_soft="#42211f", negative_value="#6b9bf2",
    positive_value="#e07f68", track="#363c44", hover="#2a2e34",
)  # fmt: skip


#: What the person chose; not every platform tells back the scheme that an application asked it for.
_chosen = "system"

#: The one style that takes all our colours.
_STYLE = "fusion"


def is_dark() -> bool:
    """Tell whether the application shows its dark theme."""
    if _chosen == "system":
        return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
    return _chosen == "dark"


def colors() -> Colors:
    """Return the colours of the theme that is shown now."""
    return DARK if is_dark() else LIGHT


@cache
def qcolor(value: str) -> QColor:
    """Return a colour of a theme as a QColor."""
    return QColor(value)


def monospace(relative_size: float = 1.0) -> QFont:
    """Return the fixed-width font, in the application's size times ``relative_size``."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    base = QApplication.font().pointSizeF()
    font.setPointSizeF(base * relative_size)
    return font


def scaled_font(relative_size: float, *, bold: bool = False) -> QFont:
    """Return the application's font in another size."""
    font = QFont(QApplication.font())
    font.setPointSizeF(font.pointSizeF() * relative_size)
    if bold:
        font.setWeight(QFont.Weight.DemiBold)
    return font


def make_application(program: str) -> QApplication:
    """Make the application in the style that `apply` wants: to ask for it afterwards makes Python's `QStyle`, in 6 ms.

    Parameters
    ----------
    program
        The program's name, as in ``sys.argv``.
    """
    app = QApplication([program, "-style", _STYLE])
    app.setProperty("style", _STYLE)
    return app


def apply(app: QApplication, scheme: str = "system") -> None:
    """Set the theme: ``"system"``, ``"light"`` or ``"dark"``. Widgets hear of it by ``QEvent.PaletteChange``."""
    global _chosen
    _chosen = scheme
    hints = app.styleHints()
    wanted = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}.get(scheme, Qt.ColorScheme.Unknown)
    if hints.colorScheme() != wanted:
        hints.setColorScheme(wanted)
    if app.property("style") != _STYLE:
        app.setStyle(_STYLE)
        app.setProperty("style", _STYLE)
    chosen = colors()
    app.setPalette(_palette(chosen))
    app.setStyleSheet(_style_sheet(chosen))


#: What a chip, a card or a message means by its colours.
Tone = Literal["positive", "warning", "danger", "accent", "quiet"]


def tone_colors(tone: Tone) -> tuple[str, str]:
    """Return a tone's background and text colour, in the theme that is shown now."""
    c = colors()
    return {
        "positive": (c.positive_soft, c.positive),
        "warning": (c.warning_soft, c.warning),
        "danger": (c.danger_soft, c.danger),
        "accent": (c.accent_soft, c.accent),
        "quiet": (c.hover, c.muted),
    }[tone]


def dress(widget: QWidget, sheet: str) -> None:
    """Set a widget's own style sheet where it differs: setting one tells the widget that its palette changed."""
    if widget.styleSheet() != sheet:
        widget.setStyleSheet(sheet)


def _palette(c: Colors) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: c.surface,
        QPalette.ColorRole.WindowText: c.text,
        QPalette.ColorRole.Base: c.surface,
        QPalette.ColorRole.AlternateBase: c.hover,
        QPalette.ColorRole.Text: c.text,
        QPalette.ColorRole.Button: c.raised,
        QPalette.ColorRole.ButtonText: c.text,
        QPalette.ColorRole.ToolTipBase: c.raised,
        QPalette.ColorRole.ToolTipText: c.text,
        QPalette.ColorRole.PlaceholderText: c.muted,
        QPalette.ColorRole.Highlight: c.accent_soft,
        QPalette.ColorRole.HighlightedText: c.text,
        QPalette.ColorRole.Link: c.accent,
        QPalette.ColorRole.Accent: c.accent,
        QPalette.ColorRole.Mid: c.border,
    }
    for role, value in roles.items():
        palette.setColor(role, QColor(value))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(c.muted))
    return palette


def _style_sheet(c: Colors) -> str:
    return f"""
    QMainWindow, QDialog {{ background: {c.surface}; }}
    QMainWindow::separator {{ background: {c.border}; width: 1px; height: 1px; }}
    QMainWindow::separator:hover {{ background: {c.accent}; }}
    QToolTip {{ background: {c.raised}; color: {c.text}; border: 1px solid {c.border}; padding: 4px 6px; }}
    QLabel[muted="true"] {{ color: {c.muted}; }}
    QLabel[section="true"] {{ color: {c.muted}; font-weight: 600; }}
    QLineEdit, QComboBox, QPushButton {{
        background: {c.raised}; color: {c.text}; border: 1px solid {c.border}; border-radius: 6px;
        padding: 5px 10px; min-height: 18px;
    }}
    QLineEdit:focus, QComboBox:focus, QPushButton:focus {{ border-color: {c.accent}; }}
    QPushButton:hover, QComboBox:hover {{ background: {c.hover}; }}
    QPushButton:disabled, QComboBox:disabled {{ color: {c.muted}; background: {c.surface}; }}
    QPushButton:checked {{ background: {c.accent_soft}; color: {c.accent}; border-color: {c.accent_soft}; }}
    QPushButton[primary="true"] {{ background: {c.accent}; color: {c.accent_text}; border-color: {c.accent};
        font-weight: 600; }}
    QPushButton[primary="true"]:disabled {{ background: {c.track}; color: {c.muted}; border-color: {c.track}; }}
    QPushButton[primary="true"]:focus {{ border: 2px solid {c.text}; padding: 4px 9px; }}
    QPushButton[flat="true"] {{ background: transparent; border-color: transparent; }}
    QPushButton[flat="true"]:hover {{ background: {c.hover}; }}
    QPushButton[flat="true"]:focus {{ border-color: {c.accent}; }}
    QComboBox::drop-down {{ border: none; width: 22px; }}
    QAbstractItemView {{ background: {c.surface}; color: {c.text}; border: none; outline: none;
        selection-background-color: {c.accent_soft}; selection-color: {c.text}; }}
    QComboBox QAbstractItemView {{ background: {c.raised}; border: 1px solid {c.border}; padding: 4px; }}
    QTreeView::item {{ height: 25px; border: none; }}
    QTreeView::item:hover {{ background: {c.hover}; }}
    QTreeView::item:selected {{ background: {c.accent_soft}; color: {c.text}; }}
    QHeaderView {{ background: {c.surface}; }}
    QHeaderView::section {{ background: {c.surface}; color: {c.muted}; border: none;
        border-bottom: 1px solid {c.border}; padding: 6px 8px; }}
    QDockWidget {{ color: {c.muted}; }}
    QDockWidget::title {{ background: {c.surface}; padding: 6px 12px; }}
    QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
    QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
    QScrollBar::handle {{ background: {c.track}; border-radius: 5px; min-height: 30px; min-width: 30px; }}
    QScrollBar::handle:hover {{ background: {c.muted}; }}
    QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {{
        background: transparent; border: none; width: 0; height: 0; }}
    QAbstractScrollArea::corner {{ background: transparent; border: none; }}
    QStatusBar {{ background: {c.surface}; color: {c.muted}; border-top: 1px solid {c.border}; }}
    QStatusBar::item {{ border: none; }}
    QProgressBar {{ background: {c.track}; border: none; border-radius: 3px; max-height: 6px; text-align: center; }}
    QProgressBar::chunk {{ background: {c.accent}; border-radius: 3px; }}
    QSpinBox {{ background: {c.raised}; color: {c.text}; border: 1px solid {c.border}; border-radius: 6px;
        padding: 1px; min-height: 20px; }}
    QSpinBox QLineEdit {{ border: none; background: transparent; padding: 0 6px; min-height: 0; }}
    QSpinBox::up-button, QSpinBox::down-button {{ width: 0; border: none; }}
    QSpinBox:focus {{ border-color: {c.accent}; }}
    QSlider {{ min-height: 18px; }}
    QSlider::groove:horizontal {{ background: {c.track}; height: 4px; border-radius: 2px; }}
    QSlider::sub-page:horizontal {{ background: {c.accent}; height: 4px; border-radius: 2px; }}
    QSlider::handle:horizontal {{ background: {c.raised}; border: 2px solid {c.accent}; width: 10px; height: 10px;
        margin: -5px 0; border-radius: 7px; }}
    QSlider::handle:horizontal:focus, QSlider::handle:horizontal:hover {{ background: {c.accent}; }}
    QMenu {{ background: {c.raised}; color: {c.text}; border: 1px solid {c.border}; padding: 4px; }}
    QMenu::item {{ padding: 5px 24px 5px 12px; border-radius: 4px; }}
    QMenu::item:selected {{ background: {c.accent_soft}; color: {c.text}; }}
    QMenu::item:disabled {{ color: {c.muted}; }}
    QMenu::separator {{ background: {c.border}; height: 1px; margin: 4px 8px; }}
    QMenuBar {{ background: {c.window}; color: {c.text}; }}
    QMenuBar::item {{ padding: 4px 9px; background: transparent; border-radius: 4px; }}
    QMenuBar::item:selected {{ background: {c.hover}; }}
    QFrame[card="true"] {{ background: {c.raised}; border: 1px solid {c.border}; border-radius: 8px; }}
    QFrame[rule="true"] {{ background: {c.border}; max-height: 1px; border: none; }}
    QScrollArea {{ border: none; background: {c.surface}; }}
    """
