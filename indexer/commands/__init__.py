"""The commands that write, ask and measure."""

import click

from ..bench.commands import bench
from . import (
    collections,
    concepts,
    detect,
    discover,
    duplicates,
    evaluate,
    export,
    import_,
    ingest,
    maintenance,
    recipes,
    search,
    sidecars,
    trash,
)

COMMANDS: tuple[click.Command, ...] = (
    ingest.ingest, ingest.worker, ingest.retry_failed, ingest.pause, ingest.resume, ingest.cancel, ingest.resegment,
    search.search, trash.delete, trash.restore, trash.trash,
    maintenance.status, maintenance.doctor, maintenance.verify, maintenance.clean, maintenance.rebuild_index,
    export.export, import_.import_annotations, sidecars.sidecars,
    maintenance.migrate, maintenance.copy_catalogue, maintenance.backup, maintenance.restore_backup,
    collections.collections, concepts.concepts, detect.detect, discover.discover, duplicates.duplicates,
    recipes.recipes, evaluate.evaluate, bench,
)  # fmt: skip
