"""Bytes of an image file -> an upright RGB picture, or one plain sentence about why not.

Images come from strangers: only raster formats of an explicit list are tried, the pixel count is bounded
before anything is allocated, and whatever Pillow raises on a bad file becomes an :class:`ImageError`.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from inspector.errors import InspectorError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "ICO", "JPEG2000")
"""The formats that are tried, by their magic bytes; MPO, the phones' double JPEG, comes through JPEG. Left
out on purpose: EPS and WMF start other programs, TGA has no magic bytes, the rest are nobody's
photographs."""

MAX_PIXELS = 250_000_000
"""Phones take pictures of 200 million pixels. Pillow keeps 4 bytes for each, so this bounds a picture at 1 GB; while it
is decoded, at 2 GB where it is turned or converted, and at up to 5 GB where the decoder keeps copies of its own: see
`inspector.pictures.budget.BYTES_PER_PIXEL`."""

PILLOW_ERRORS = (
    OSError,  # truncated data, decoder errors, and UnidentifiedImageError
    SyntaxError,  # Pillow's own "this file breaks its format"
    ValueError,  # impossible sizes, modes and text chunks
    TypeError,  # tags of the wrong kind
    KeyError,  # tags that are not there
    IndexError,  # data shorter than its header says
    AttributeError,  # a plugin that uses what a broken header did not set
    OverflowError,  # sizes beyond the C decoders' integers
    ZeroDivisionError,  # rational tags with a zero below
    NotImplementedError,  # compressions that nobody wrote
    AssertionError,  # Pillow asserts what broken files break
    RecursionError,  # nested directories
    EOFError,
    struct.error,
    zlib.error,
    MemoryError,
    Image.DecompressionBombError,
)
"""What Pillow's plugins raise on broken files; its documentation promises only OSError."""

# EXIF orientation (tag 0x0112) -> what makes the picture upright; 1 is upright already.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION_TAG = 0x0112

#: Of the strips in which pictures are converted, where what lies between is larger than the picture.
_STRIP_PIXELS = 1_000_000

_HEIC_BRANDS = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1")


class ImageError(InspectorError):
    """An image can't be used; the sentence names it and says why."""


def decode_image(data: bytes, *, name: str) -> Image.Image:
    """Decode the first frame of an image file to upright RGB.

    Where the picture has no transparency and 8 bits per channel, the pixels are those of
    ``PIL.Image.open(...).convert("RGB")``, turned upright as its EXIF orientation says. Transparent places
    show white, as they do on paper and in most viewers (a bare ``convert`` would show whatever colour
    happens to lie below). Greyscale of 16 and 32 bits is scaled to 8 bits, not clipped.

    Parameters
    ----------
    data
        The whole file.
    name
        What to call it in an error, usually the file's name.

    Returns
    -------
    PIL.Image.Image
        Mode ``RGB``, loaded, upright.

    Raises
    ------
    ImageError
        The file is no image of a known format, is damaged or cut short, or has more than `MAX_PIXELS` pixels.
    """
    image = open_image(data, name=name)
    try:
        image.load()
        picture, turned = to_rgb(image), orientation(image)
        del image  # three copies at a time would be one too many
        return upright(picture, turned)
    except PILLOW_ERRORS as error:
        raise damaged(name) from error


def open_image(data: bytes, *, name: str) -> Image.Image:
    """Read an image's header; no pixel is decoded.

    Walks Pillow's plugins itself rather than through ``Image.open``, whose pixel limit is a global of the
    process with a warning below it: here the limit is ours, before anything is allocated, and safe between
    threads.

    Raises
    ------
    ImageError
        As for `decode_image`, for what the header tells.
    """
    # Pillow warns of every odd tag; what matters comes as an error. The filter is set once for all (setting
    # it again changes nothing) because restoring filters is not safe between threads.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    if not data:
        raise ImageError(f"{name} is empty.", "Download or export it again.")
    image = _first_match(data, name)
    width, height = image.size
    if width <= 0 or height <= 0:
        raise ImageError(f"{name} has no pixels.", "Export it again.")
    if width * height > MAX_PIXELS:
        raise _too_large(name)
    return image


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of `image`, 1 to 8; 1 where it has none or its EXIF is broken.

    TIFF and AVIF are turned upright by their decoders: ask after ``image.load()`` and those say 1.
    """
    try:
        found = image.getexif().get(_ORIENTATION_TAG, 1)
    except PILLOW_ERRORS:
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn `image` upright, as an EXIF `orientation` from 1 to 8 asks."""
    method = _UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a loaded image of any mode to RGB: transparency over white, deep greyscale scaled to 8 bits.

    Raises
    ------
    ValueError
        Pillow knows no way from this mode to RGB.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return _deep_grey_to_rgb(image)
    if image.has_transparency_data:
        return _on_paper(image)
    return image.convert("RGB")


def _on_paper(image: Image.Image) -> Image.Image:
    """Lay a picture with transparency on white, a strip at a time, so that there is no third copy of it."""
    paper = Image.new("RGB", image.size, "white")
    step = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, step):
        strip = image.crop((0, top, image.width, min(top + step, image.height))).convert("RGBA")
        paper.paste(strip, (0, top), strip)
    return paper


def damaged(name: str) -> ImageError:
    """Return the error for a file that starts as an image and can't be decoded to its end."""
    return ImageError(
        f"{name} is cut short or damaged: it can't be decoded to its end.", "Download or export it again."
    )


def _too_large(name: str) -> ImageError:
    return ImageError(
        f"{name} has more pixels than can be read ({MAX_PIXELS // 10**6} million).",
        "Save a smaller copy of it.",
    )


def _first_match(data: bytes, name: str) -> Image.Image:
    """Return the image as the first plugin reads it whose magic bytes fit."""
    if not set(FORMATS) <= Image.OPEN.keys():
        Image.init()  # AVIF may still be missing after it: it is optional in Pillow's builds
    claimed = False
    for known in FORMATS:
        factory, accept = Image.OPEN.get(known, (None, None))
        if factory is None or accept is None:
            continue
        try:
            # accept answers False, or with a sentence where the format's library is missing
            if accept(data[:16]) is not True:
                continue
            claimed = True
            return factory(io.BytesIO(data), "")
        except (SyntaxError, IndexError, TypeError, struct.error, UnidentifiedImageError):
            continue  # what Image.open too takes for "another format"
        except Image.DecompressionBombError as error:
            raise _too_large(name) from error
        except PILLOW_ERRORS as error:
            raise damaged(name) from error
    raise damaged(name) if claimed else _unknown(data, name)


def _unknown(data: bytes, name: str) -> ImageError:
    """Return the error for a file that no plugin knows, saying what it seems to be."""
    head = data[:512].lstrip().lower()
    if data[4:12] in _HEIC_BRANDS:
        return ImageError(f"{name} is a HEIC photo, which can't be read yet.", "Export it as JPEG.")
    if head.startswith(b"%pdf"):
        return ImageError(f"{name} is a PDF document, not an image.", "Export the page as PNG or JPEG.")
    if b"<svg" in head:
        return ImageError(f"{name} is an SVG drawing, which can't be read.", "Export it as PNG.")
    if head.startswith((b"<!doctype html", b"<html")):
        return ImageError(f"{name} is a web page, not an image.", "Download the image itself.")
    return ImageError(f"{name} is not an image that can be read.", "Use JPEG, PNG, WebP, GIF, BMP or TIFF.")


def _deep_grey_to_rgb(image: Image.Image) -> Image.Image:
    """Scale greyscale of 16 bits, 32 bits or floats to 8 bits.

    0 to 65,535 becomes 0 to 255 where the file has 16 bits, or 32 bits that would fit in 16 (Pillow widens
    16-bit PGM so). Floats are taken as 0 to 1 or as 0 to 255 where they lie within. Anything else is
    stretched from its least to its greatest value; NaN shows black.
    """
    values = np.asarray(image)
    least, greatest = _finite_range(values)
    low, high = least, greatest
    if values.dtype.kind == "f" and least >= 0 and greatest <= 255:
        low, high = 0.0, (1.0 if greatest <= 1 else 255.0)
    elif values.dtype.kind in "iu" and least >= 0 and greatest <= 65535:
        low, high = 0.0, 65535.0
    scaled = np.empty(values.shape, np.uint8)
    factor = 255.0 / (high - low) if high > low else 0.0
    for rows in _row_blocks(values):
        grey = np.nan_to_num((values[rows].astype(np.float64) - low) * factor, nan=0.0, posinf=255.0, neginf=0.0)
        scaled[rows] = np.clip(np.rint(grey), 0, 255)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        scaled[values == clear] = 255
    del values
    picture = Image.fromarray(scaled)
    del scaled
    return picture.convert("RGB")


def _finite_range(values: npt.NDArray[np.generic]) -> tuple[float, float]:
    """Return the least and greatest finite value, (0, 0) where there is none."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _row_blocks(values: npt.NDArray[np.generic]) -> list[slice]:
    """Return slices of rows of about a million pixels each, so that the float64 in between stays small."""
    step = max(1, _STRIP_PIXELS // max(1, values.shape[1]))
    return [slice(start, start + step) for start in range(0, values.shape[0], step)]
