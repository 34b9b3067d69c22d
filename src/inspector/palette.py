"""The colours that predictions are drawn in, on the screen and in saved pictures alike. A leaf: plain constants.

Sources: the first seven class colours are Okabe and Ito's, made to be told apart with every colour blindness
(https://jfly.uni-koeln.de/color/, "Color Universal Design"). The thirteen after them were found one by one as the
colour that lies farthest from all before it, in CIELAB, in the eyes of people with full colour vision and without red,
green or blue cones (simulated as by Machado, Oliveira and Fernandes, 2009). Each two of them lie at least 13 apart in
every one of these; a test computes it.
"""

from __future__ import annotations

Rgb = tuple[int, int, int]

CLASSES: tuple[Rgb, ...] = (
    (0, 114, 178),  # blue
    (230, 159, 0),  # orange
    (0, 158, 115),  # green
    (204, 121, 167),  # pink
    (213, 94, 0),  # vermilion
    (86, 180, 233),  # sky
    (240, 228, 66),  # yellow
    (135, 15, 240),  # violet
    (195, 240, 195),  # pale green
    (105, 90, 45),  # brown
    (0, 255, 135),  # mint
    (150, 120, 255),  # lavender
    (150, 165, 90),  # olive
    (165, 0, 120),  # purple
    (135, 60, 75),  # wine
    (255, 120, 150),  # rose
    (75, 60, 195),  # indigo
    (150, 240, 240),  # ice
    (135, 210, 90),  # leaf
    (210, 15, 60),  # red
)
"""Colours of classes, one after another; of more than 20 classes every twentieth shares one."""

BACKGROUND: Rgb = (128, 128, 128)
"""Of what is no class: drawn in legends, left clear on pictures."""

_BACKGROUND_LABELS = frozenset({"__background__", "background"})

LEFT: Rgb = (86, 180, 233)
"""Limbs of a person's left side: sky."""
RIGHT: Rgb = (230, 159, 0)
"""Limbs of a person's right side: orange."""
MIDDLE: Rgb = (240, 242, 246)
"""What joins both sides, and the points themselves."""

INK: Rgb = (240, 242, 246)
"""Text on dark."""
PAPER: Rgb = (24, 26, 31)
"""Text on light, and what captions stand on."""

HEAT: tuple[Rgb, ...] = (
    (0, 0, 4),
    (11, 7, 36),
    (33, 12, 74),
    (61, 9, 101),
    (87, 16, 110),
    (113, 25, 110),
    (138, 34, 106),
    (163, 44, 97),
    (188, 55, 84),
    (210, 70, 68),
    (228, 90, 49),
    (241, 115, 29),
    (249, 142, 9),
    (252, 172, 17),
    (249, 203, 53),
    (242, 234, 105),
    (252, 255, 164),
)
"""Values from 0 to 1 in even steps, which `heat_colour` interpolates between: "inferno" by Nathaniel Smith and Stéfan
van der Walt (CC0, https://bids.github.io/colormap/), whose lightness grows evenly."""

KEYPOINTS: tuple[str, ...] = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
"""COCO's keypoints of a person, in the order in which models give them."""

LIMBS: tuple[tuple[int, int], ...] = (
    (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10),
    (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
)  # fmt: skip
"""Which keypoints are joined: COCO's skeleton, from 0 (https://cocodataset.org/#format-data)."""


def is_background(label: str) -> bool:
    """Tell whether a class is what is left over, by what torchvision's categories call it; at whatever index."""
    return label in _BACKGROUND_LABELS


def class_colour(index: int, label: str = "") -> Rgb:
    """Return the colour of a class: the same in every picture, grey for the background.

    Where the categories start with a background (VOC, COCO: their labels are given), class 1 has the first colour.
    """
    if is_background(label):
        return BACKGROUND
    return CLASSES[(index - 1) % len(CLASSES)]


def is_light(colour: Rgb) -> bool:
    """Tell whether dark text reads better on a colour than light text (relative luminance of WCAG 2.1 over 0.18)."""
    red, green, blue = (_linear(value / 255) for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18


def text_on(colour: Rgb) -> Rgb:
    """Return the colour of text that reads well on a colour."""
    return PAPER if is_light(colour) else INK


def limb_colour(first: int, second: int) -> Rgb:
    """Return the colour of a limb between two keypoints: by the person's side, both of which are odd or even."""
    sides = {"left" if "left" in KEYPOINTS[point] else "right" for point in (first, second) if point}
    return MIDDLE if len(sides) > 1 else LEFT if sides == {"left"} else RIGHT


def heat_colour(value: float) -> Rgb:
    """Return the colour of a value, 0 to 1; beyond these the ends'."""
    place = min(max(value, 0.0), 1.0) * (len(HEAT) - 1)
    step = min(int(place), len(HEAT) - 2)
    share = place - step
    red, green, blue = (round(low + (high - low) * share) for low, high in zip(HEAT[step], HEAT[step + 1], strict=True))
    return red, green, blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
