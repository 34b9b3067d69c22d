"""Mutate files and open them, in several processes: ``python -m tools.fuzz --cases 200000 --seed 1``.

Each finding is kept as a file, with its number: ``--only NUMBER`` makes and opens that one again.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from tools.fuzz.batches import Batch, Seed, batches, make, write
from tools.fuzz.seeds import seed_files
from tools.fuzz.trial import attempt, watch


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0, help="processor time that one file may take")
    parser.add_argument("--corpus", type=Path, help="a folder of small checkpoints to start from as well")
    parser.add_argument("--keep", type=Path, default=Path("artifacts/fuzz"), help="where findings are kept")
    parser.add_argument("--only", type=int, help="make and open this one file again")
    return parser.parse_args()


def main() -> int:
    """Run the trials; return 1 where there was a finding."""
    wanted = _arguments()
    seeds = seed_files(wanted.corpus)
    if wanted.only is not None:
        return _once(wanted, seeds)
    whole, findings, started = Batch(), 0, time.monotonic()
    options = {name: getattr(wanted, name) for name in ("seed", "first", "cases", "jobs", "keep", "seconds")}
    try:
        for batch in batches(seeds, **options):
            whole.answers += batch.answers
            whole.slowest = max(whole.slowest, batch.slowest)
            findings += len(batch.findings)
            for finding in batch.findings:
                print(finding, flush=True)
    except BrokenProcessPool:
        print(f"A process died in one of the files from {wanted.first + sum(whole.answers.values())} on.")
        return 1
    for answer, count in whole.answers.most_common():
        print(f"{count:>8,}  {answer}")
    print(
        f"{sum(whole.answers.values()):,} files from {len(seeds)} seeds (seed {wanted.seed}) in"
        f" {time.monotonic() - started:.0f} s, the slowest {whole.slowest:.2f} s; {findings:,} findings"
    )
    return 1 if findings else 0


def _once(wanted: argparse.Namespace, seeds: dict[str, Seed]) -> int:
    name, files = make(wanted.seed, wanted.only, seeds)
    folder = wanted.keep / str(wanted.only)
    folder.mkdir(parents=True, exist_ok=True)
    path = write(files, folder)
    watch()
    outcome = attempt(path, wanted.seconds)
    print(f"{path} ({name}): {outcome.answer} {outcome.finding} ({outcome.seconds:.2f} s)")
    return 1 if outcome.finding else 0


if __name__ == "__main__":
    sys.exit(main())
