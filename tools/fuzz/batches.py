"""The trials in batches, in processes of their own: without torch, under a limit of memory."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tools.fuzz.mutations import mutated
from tools.fuzz.trial import attempt, watch

#: The files of a checkpoint by their names, the first of them opened: see `tools.fuzz.seeds`, which imports torch.
Seed = dict[str, bytes]

_FILES = 250
#: Address space of a process: its own, and what a file of some kilobytes may cost.
_MEMORY = 1 << 30

_seeds: dict[str, Seed] = {}


@dataclass
class Batch:
    """What came out of some files: the answers by how often, the findings, the seconds of the slowest."""

    answers: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    slowest: float = 0.0


def make(seed: int, case: int, seeds: dict[str, Seed]) -> tuple[str, Seed]:
    """Return the files of a case, after the name of what it was made from; the same for the same seed, always."""
    random = Random(f"{seed}:{case}")
    name = random.choice(list(seeds))
    files = dict(seeds[name])
    others = [content for other in seeds.values() for content in other.values()]
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        changed = random.choice([next(iter(files)), *files])
        files[changed] = mutated(files[changed], others, random)
    return name, files


def write(files: Seed, folder: Path) -> Path:
    """Write the files of a case; return what is opened: the first of them, or the folder of a distributed one."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    first = next(iter(files))
    return folder if first == ".metadata" else folder / first


def batches(
    seeds: dict[str, Seed], *, seed: int, first: int, cases: int, jobs: int, keep: Path, seconds: float
) -> Iterator[Batch]:
    """Make and open ``cases`` files from number ``first`` on; findings are written to ``keep``.

    Parameters
    ----------
    seconds
        Processor time that one file may take.
    """
    starts = range(first, first + cases, _FILES)
    counts = [min(_FILES, first + cases - start) for start in starts]
    with ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (seeds,)) as pool:
        yield from pool.map(partial(_batch, seed, keep, seconds), starts, counts)


def _begin(seeds: dict[str, Seed]) -> None:
    _seeds.update(seeds)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    watch()


def _batch(seed: int, keep: Path, seconds: float, first: int, count: int) -> Batch:
    batch = Batch()
    for case in range(first, first + count):
        name, files = make(seed, case, _seeds)
        with TemporaryDirectory() as folder:
            outcome = attempt(write(files, Path(folder)), seconds)
        batch.answers[outcome.answer] += 1
        batch.slowest = max(batch.slowest, outcome.seconds)
        if outcome.finding:
            kept = keep / str(case)
            kept.mkdir(parents=True, exist_ok=True)
            write(files, kept)
            batch.findings.append(f"{case} ({name}): {outcome.finding}")
    return batch
