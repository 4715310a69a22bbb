"""The commands in the sections in which ``--help`` lists them."""

from __future__ import annotations

import click

from retrieval.processes.terminal import PrintableGroup

SECTIONS = {
    "Begin": ("quickstart", "ingest", "serve", "search", "status", "doctor"),
    "Photos": (
        "worker",
        "analyzer",
        "pause",
        "resume",
        "cancel",
        "retry-failed",
        "resegment",
        "delete",
        "restore",
        "trash",
        "export",
        "import",
        "sidecars",
        "duplicates",
    ),
    "Names": ("concepts", "detect", "discover"),
    "Users": ("users", "tokens", "collections"),
    "Assistants": ("mcp",),
    "Care": ("backup", "restore-backup", "verify", "clean", "rebuild-index", "migrate", "copy-catalogue", "completion"),
    "Models and measures": ("recipes", "evaluate", "bench"),
}


class SectionedGroup(PrintableGroup):
    """Commands that are listed by section instead of by name."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List what is not hidden; commands without a section come last."""
        shown = {name: command for name in self.list_commands(ctx) if not (command := self.commands[name]).hidden}
        placed = {name for names in SECTIONS.values() for name in names}
        sections = {**SECTIONS, "Others": tuple(name for name in shown if name not in placed)}
        width = max(map(len, shown))
        for title, names in sections.items():
            rows = [
                (name.ljust(width), shown[name].get_short_help_str(formatter.width - width - 6))
                for name in names
                if name in shown
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
