"""The colours of classes in pictures, the same in light and dark, told apart by colour-blind eyes too."""

from __future__ import annotations

from functools import cache

from PySide6.QtGui import QColor

#: Okabe and Ito's colours (https://jfly.uni-koeln.de/color/) without black, then Paul Tol's "muted" and "vibrant"
#: (https://sronpersonalpages.nl/~pault/) where they differ from those.
_COLORS = (
    "#e69f00", "#56b4e9", "#d55e00", "#009e73", "#cc79a7", "#f0e442", "#0072b2", "#882255", "#44aa99", "#ddcc77",
    "#aa4499", "#117733", "#ee7733", "#88ccee", "#cc3311", "#999933", "#332288", "#ee3377", "#33bbee", "#cc6677",
)  # fmt: skip

#: Left and right of a body, and what is in its middle.
LEFT, RIGHT, MIDDLE = "#56b4e9", "#e69f00", "#f2f2f2"


@cache
def class_color(index: int) -> QColor:
    """Return the colour of a class; after the first twenty they come again, lighter and darker."""
    turn, place = divmod(max(0, index - 1), len(_COLORS))
    color = QColor(_COLORS[place])
    return color if turn == 0 else (color.lighter(125 + 15 * turn) if turn % 2 else color.darker(115 + 15 * turn))


def text_on(color: QColor) -> QColor:
    """Return black or white, whichever is read on a colour (relative luminance as WCAG 2 defines it)."""
    channels = (color.redF(), color.greenF(), color.blueF())
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return QColor("#111111") if luminance > 0.179 else QColor("#ffffff")
