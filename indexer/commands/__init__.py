"""The commands that write, ask and measure."""

import click

from ..bench.commands import bench
from . import concepts, discover, evaluate, intake, maintenance, search

COMMANDS: tuple[click.Command, ...] = (
    intake.ingest, intake.worker, search.search, search.status, maintenance.verify, maintenance.clean,
    maintenance.rebuild_index, intake.retry_failed, intake.pause, intake.resume, intake.cancel, intake.resegment,
    maintenance.export, concepts.concepts, discover.discover, maintenance.migrate, evaluate.evaluate, bench,
)  # fmt: skip
