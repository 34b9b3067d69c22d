"""The widgets: they show the session and send it commands; they own no truth.

The one adapter between the processes' threads and Qt's event loop lives here. May import: PySide6, desktop, session,
and what is below. Never torch, never numpy at start.
"""
