"""What ``backup`` and ``restore-backup`` did, on the terminal."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from retrieval.assembly import Assembly
from retrieval.processes.program import PROGRAM
from retrieval.processes.terminal import echo, echo_json
from retrieval.settings import Settings
from retrieval.storage.disk import size

from ..backup import back_up, restore


def print_backup(assembly: Assembly, folder: Path, *, as_json: bool) -> None:
    """Back up, and tell what was copied and what the backup has not."""
    made, copied = back_up(assembly, folder)
    if as_json:
        echo_json({**asdict(made), "copied": asdict(copied)})
        return
    echo(f"{folder} is a backup of {made.photos:,} photos; {copied.files:,} files were copied ({size(copied.bytes)})")
    if made.elsewhere:
        echo(
            f"the originals of {made.elsewhere:,} photos are outside the data directory: back up their folders yourself"
        )
    if made.lost:
        echo(f"{made.lost:,} uploads are missing from the data directory, and from the backup")


def print_restored(settings: Settings, folder: Path) -> None:
    """Restore, and tell what is there now."""
    made = restore(settings, folder)
    echo(f"{settings.data_dir} is restored from the backup of {made.made_at}: {made.photos:,} photos, index rebuilt")
    if made.elsewhere:
        echo(
            f"{made.elsewhere:,} photos are looked for where they were; if their folders have moved, "
            f"run `{PROGRAM} ingest` on the new ones"
        )
