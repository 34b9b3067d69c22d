"""The lock of what changes torch or torchvision for the whole process while it runs, whichever thread runs it."""

from __future__ import annotations

import threading

#: Held while a model is built (torchvision's functions are replaced, torch's quantization engine is set) and while one
#: is traced: ``torch.fx`` then replaces how every module of the process is called.
ALONE = threading.Lock()
