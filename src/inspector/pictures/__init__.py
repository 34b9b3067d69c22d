"""Images in and out: decoding, EXIF rotation, conversion to RGB, thumbnails. numpy and pillow.

May import: pillow, numpy. Never torch, never Qt. Runs in the worker and in the engine process.
"""
