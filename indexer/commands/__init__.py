"""The commands that write, ask and measure."""

import click

from ..bench.commands import bench
from . import concepts, discover, evaluate, ingest, maintenance, recipes, search, trash

COMMANDS: tuple[click.Command, ...] = (
    ingest.ingest, ingest.worker, search.search, maintenance.status, maintenance.verify, maintenance.clean,
    maintenance.rebuild_index, ingest.retry_failed, ingest.pause, ingest.resume, ingest.cancel, ingest.resegment,
    trash.delete, trash.restore,
    trash.trash, maintenance.export, concepts.concepts, discover.discover, recipes.recipes, maintenance.migrate,
    evaluate.evaluate, bench,
)  # fmt: skip
