"""Fuzzing of the reader: small files of every container, changed at random but in the grammar of their format.

`seeds` makes the files, `mutations` changes them, `trial` opens what came out as the reader does and says what is
wrong with the answer. ``python -m tools.fuzz`` runs it all, from the root of the checkout; the same seed makes the
same files.
"""
