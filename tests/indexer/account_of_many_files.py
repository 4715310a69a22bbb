"""Keeps the account of an ingest of many files, and prints what that took as JSON."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

from indexer.report import Failure, Tally


class Nowhere:
    """A catalogue from which half of the photos were deleted."""

    def states(self, image_ids: list[int]) -> dict[int, tuple[str, None]]:
        """States of photos."""
        return {key: ("indexed", None) for key in image_ids if key % 2}


class Sink:
    """Forgets what is written to it."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, text: str) -> None:
        """Count characters."""
        self.size += len(text)


def main(count: int = 40_000) -> None:
    """Enter as many photos, and as many files that fail."""
    sink, tally = Sink(), Tally()
    path = Path("/photos") / ("folder" * 20)
    tracemalloc.start()
    for number in range(1, count + 1):
        tally.entered(number, path / str(number))
        tally.failed(Failure(f"{path}/bad{number}", "broken"))
    report = tally.close(Nowhere())  # type: ignore[arg-type]
    report.write_json(sink)  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    print(json.dumps({"files": count, "counts": report.counts, "written": sink.size, "peak": peak}))


if __name__ == "__main__":
    main()
