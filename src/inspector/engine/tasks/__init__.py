"""The tasks that architectures are made for: each knows how its images go in and what comes out.

A task has three steps, so that they can run at the same time for different images: `prepare` (on any thread, on the
CPU), `forward` (one batch on the device) and `answer` (reduce one output to what is told). One module per task.
"""

from __future__ import annotations

from inspector.engine.problems import UnsupportedTaskError
from inspector.engine.tasks.classification import Classification
from inspector.engine.tasks.detection import Detection
from inspector.engine.tasks.optical_flow import OpticalFlow
from inspector.engine.tasks.segmentation import Segmentation
from inspector.engine.tasks.task import Output, Prepared, Task
from inspector.engine.tasks.video import VideoClassification

__all__ = ["Output", "Prepared", "Task", "task_named"]

_ALL: tuple[Task, ...] = (Classification(), Segmentation(), Detection(), VideoClassification(), OpticalFlow())
_TASKS = {task.name: task for task in _ALL}


def task_named(name: str) -> Task:
    """Return the task that an attachment names.

    Raises
    ------
    UnsupportedTaskError
        It has no predictions yet.
    """
    task = _TASKS.get(name)
    if task is None:
        raise UnsupportedTaskError(f"Predictions for {name} are not available yet.")
    return task
