"""Pictures of weights in a report: of the first layers and the largest."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

from PIL import Image

from inspector.checkpoint.errors import CheckpointError, FileChangedError
from inspector.checkpoint.limits import MIB
from inspector.checkpoint.source import Files
from inspector.checkpoint.unusual_bytes import read_values
from inspector.export.report_content import Report, WeightsPicture
from inspector.export.report_html import Html, as_html, name, section, text
from inspector.number_words import shape_text
from inspector.weights.picture import WeightPicture, weight_picture

#: How many of the first, and how many more of the largest.
_FIRST, _LARGEST = 4, 8
_MAX_SIDE = 448
#: A tensor that takes more bytes than that is not drawn.
_MOST_BYTES = 256 * MIB
#: Colours of a picture: weights are shown in 255 shades and one for what is not finite.
_COLOURS = 256


def chosen_tensors(report: Report) -> list[int]:
    """Return the tensors that are drawn: the first layers, then the largest; of a file without a model the largest."""
    summary = report.summary
    layers = report.layers() if report.words.state_dict is not None else range(len(summary))
    distinct = [
        tensor
        for tensor in layers
        if summary.shared[tensor] < 0 and summary.numel(tensor) > 1 and summary.tensor_nbytes(tensor) <= _MOST_BYTES
    ]
    first = distinct[:_FIRST]
    largest = sorted(set(distinct) - set(first), key=lambda tensor: (-summary.numel(tensor), tensor))
    return first + largest[:_LARGEST]


def draw(report: Report, files: Files, tensors: list[int]) -> Iterator[WeightsPicture | None]:
    """Draw tensors one after another; None for one that can't be read.

    Raises
    ------
    FileChangedError
        The file is no longer what was inspected.
    """
    for tensor in tensors:
        try:
            made = weight_picture(read_values(files, report.summary.place(tensor)), _MAX_SIDE)
        except FileChangedError:
            raise
        except CheckpointError:  # the table says why
            yield None
            continue
        yield WeightsPicture(tensor, made.width, made.height, _png(made), made.caption, made.note)


def _png(picture: WeightPicture) -> bytes:
    image = Image.frombytes("RGBA", (picture.width, picture.height), picture.rgba)
    if picture.mode != "filters as RGB":
        image = image.quantize(_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def pictures(report: Report) -> Html:
    """Return the pictures with what is seen on them."""
    if not report.pictures:
        return Html("")
    return section("weights", "Weights", Html('<div class="pictures">'), *figures_of(report), Html("</div>"))


def figures_of(report: Report) -> Iterator[Html]:
    """Yield each picture with its caption."""
    for picture in report.pictures:
        data = base64.b64encode(picture.png).decode()
        shape = shape_text(report.summary.shape(picture.tensor))
        said = as_html("; ".join(filter(None, (picture.caption, picture.note))))
        called = report.name(picture.tensor)
        yield Html(
            f'<figure><img src="data:image/png;base64,{data}" width="{picture.width}" height="{picture.height}" '
            f'alt="{text(called, 200)}"/><figcaption>{name(called)}<br/>{text(shape)}<br/>'
            f'<span class="note">{said}</span></figcaption></figure>'
        )
