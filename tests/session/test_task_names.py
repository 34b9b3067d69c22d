"""The session calls tasks as the catalogue does, which tells it what an attachment is for."""

from __future__ import annotations

from inspector.architectures import catalogue
from inspector.session import prediction_words, sources, words


def test_every_task_of_the_catalogue_is_known_by_its_name() -> None:
    tasks = {row.task for row in catalogue().values()}
    assert set(words.TASK_WORDS) == tasks
    assert tasks > set(prediction_words.LISTED)
    assert {sources.FLOW, sources.VIDEO} < tasks
