"""Numbers, sizes and shapes in words, the same wherever a person reads them. A leaf."""

from __future__ import annotations

#: Thin non-breaking space: the separator of thousands.
THIN = "\u202f"


def number(value: int) -> str:
    """Return an integer with thin separators: ``11 689 512``."""
    return f"{value:,}".replace(",", THIN)


def short_number(value: int) -> str:
    """Return a count humanised: ``11.7 M``, ``269.7 k``, ``128``."""
    for unit, size in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= 0.9995 * size:
            return f"{value / size:.1f}{THIN}{unit}"
    return str(value)


def size(nbytes: int) -> str:
    """Return a number of bytes humanised, in decimal units as file managers show: ``46.8 MB``."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if nbytes >= 0.9995 * scale:
            return f"{nbytes / scale:.1f}{THIN}{unit}"
    return f"{nbytes}{THIN}B"


def duration(milliseconds: float) -> str:
    """Return a time humanised: ``38 ms``, ``1.4 s``, ``2 min``."""
    if milliseconds < 10:
        return f"{milliseconds:.1f}{THIN}ms"
    if milliseconds < 1_000:
        return f"{milliseconds:.0f}{THIN}ms"
    if milliseconds < 120_000:
        return f"{milliseconds / 1_000:.1f}{THIN}s"
    return f"{milliseconds / 60_000:.0f}{THIN}min"


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as people read it: ``64 × 3 × 7 × 7``; ``scalar`` for no dimensions."""
    return " × ".join(map(number, shape)) if shape else "scalar"


def figure(value: float | int | None) -> str:
    """Return a statistic in a few significant digits; an en dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return number(value).replace("-", "−")
    text = f"{value:.4f}" if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{value:.3g}"
    return text.replace("-", "−")


def percent(share: float) -> str:
    """Return a probability in percent: ``81.4 %``, ``< 0.1 %``, ``> 99.9 %``: never rounded to none nor to all."""
    if 0 < share < 0.0005:
        return f"<{THIN}0.1{THIN}%"
    if 0.9995 <= share < 1:
        return f">{THIN}99.9{THIN}%"
    return f"{100 * share:.1f}{THIN}%"


def plural(count: int, noun: str, many: str = "") -> str:
    """Return a count with its noun: ``1 tensor``, ``62 tensors``; ``many`` where an s does not make the plural."""
    return f"{number(count)} {noun if count == 1 else many or noun + 's'}"
