"""The verbs of the command line: show, identify, predict, convert, doctor, desktop.

They drive the same session as the window, need no display, and print a readable table or one JSON document.
May import: session, desktop (its parts without Qt), processes, and what is below. Never torch, never Qt.
"""
