"""The palette keeps what it promises: colours told apart by every eye, text that reads, an even heat map."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from inspector import palette
from inspector.session.prediction_state import ClassScore
from inspector.session.prediction_words import is_background

Array = npt.NDArray[np.float64]

# Machado, Oliveira, Fernandes: "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009;
# severity 1, on linear RGB
_EYES = {
    "full": np.eye(3),
    "no red": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "no green": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
    "no blue": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]]
    ),
}


def _linear(colours: Array) -> Array:
    values = colours / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _lab(linear: Array) -> Array:
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
    )
    xyz = np.clip(linear, 0, 1) @ to_xyz.T / np.array([0.95047, 1, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


@pytest.mark.parametrize("eye", _EYES)
def test_every_two_class_colours_are_told_apart(eye: str) -> None:
    lab = _lab(_linear(np.array(palette.CLASSES, float)) @ _EYES[eye].T)
    pairs = itertools.combinations(range(len(lab)), 2)
    assert min(float(np.linalg.norm(lab[a] - lab[b])) for a, b in pairs) > 13


def test_a_red_and_a_green_would_fail_that() -> None:
    lab = _lab(_linear(np.array([(200, 80, 60), (130, 130, 50)], float)) @ _EYES["no green"].T)
    assert np.linalg.norm(lab[0] - lab[1]) < 13


def test_text_on_every_colour_has_contrast() -> None:
    def luminance(colour: palette.Rgb) -> float:
        return float(_linear(np.array(colour, float)) @ [0.2126, 0.7152, 0.0722])

    for colour in (*palette.CLASSES, palette.BACKGROUND):
        lights = sorted((luminance(colour), luminance(palette.text_on(colour))))
        assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 3.9, colour


def test_heat_grows_evenly_in_lightness() -> None:
    colours = np.array([palette.heat_colour(value) for value in np.linspace(0, 1, 65)], float)
    steps = np.diff(_lab(_linear(colours))[:, 0])
    assert steps.min() > 0
    assert steps.max() < 2.5 * np.median(steps)
    assert palette.heat_colour(-1) == palette.HEAT[0]
    assert palette.heat_colour(2) == palette.HEAT[-1]


def test_classes_keep_their_colours_and_the_background_is_grey() -> None:
    assert palette.class_colour(1, "aeroplane") == palette.CLASSES[0]
    assert palette.class_colour(21, "x") == palette.class_colour(1)
    assert palette.class_colour(0, "__background__") == palette.BACKGROUND
    assert palette.class_colour(0, "cat") in palette.CLASSES


def test_limbs_have_their_sides_colours() -> None:
    named = {(palette.KEYPOINTS[a], palette.KEYPOINTS[b]): palette.limb_colour(a, b) for a, b in palette.LIMBS}
    assert named["left_ankle", "left_knee"] == palette.LEFT
    assert named["right_shoulder", "right_elbow"] == palette.RIGHT
    assert named["left_hip", "right_hip"] == palette.MIDDLE
    assert named["nose", "left_eye"] == palette.LEFT
    assert named["nose", "right_eye"] == palette.RIGHT


def test_the_background_is_told_by_its_label_alone_in_words_as_in_pictures() -> None:
    last = ClassScore("background", 7, 0.9, area=0.5)
    assert palette.class_colour(last.index, last.label) == palette.BACKGROUND
    assert is_background(last)
    assert not is_background(ClassScore("N/A", 12, 0.9))
    assert palette.class_colour(12, "N/A") != palette.BACKGROUND
