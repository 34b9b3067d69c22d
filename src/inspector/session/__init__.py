"""The state: open checkpoints, attachments, predictions. Frozen dataclasses, changed by commands, told by signals.

Plain Python, driven by the window and the command line alike. May import: export, processes, and what is below.
Never Qt, never torch.
"""

from inspector.session.loop import Loop, QueueLoop
from inspector.session.session import Session

__all__ = ["Loop", "QueueLoop", "Session"]
