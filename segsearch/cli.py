"""SegSearch's commands: reads the settings from the environment, sets up logging, and attaches the commands."""

from __future__ import annotations

import logging
import os
import sys
from copy import copy

import click
from click.shell_completion import get_completion_class

from demo.commands import quickstart
from indexer.commands import COMMANDS as INDEXER_COMMANDS
from retrieval.errors import (
    AccountError,
    CollectionError,
    ConfigurationError,
    QueryError,
    RetrievalError,
    UnknownCollectionError,
)
from retrieval.processes import logs
from retrieval.processes.extras import missing
from retrieval.processes.program import PROGRAM
from retrieval.processes.terminal import echo, show_only_printable
from retrieval.settings import Settings
from webui.serving.commands import COMMANDS as WEBUI_COMMANDS

from .mcp.commands import mcp
from .sections import SectionedGroup

OF_INSTALLATION = frozenset(
    {"collections", "copy-catalogue", "demo", "mcp", "migrate", "quickstart", "serve", "tokens", "users"}
)
"""Commands that are for no collection."""


@click.group(cls=SectionedGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("-v", "--verbose", count=True, help="Log more; repeat for debug output.")
@click.option("--collection", metavar="NAME", help="Work in a collection of the installation; by its name or number.")
@click.pass_context
def cli(context: click.Context, verbose: int, collection: str | None) -> None:
    """Search photos by segment.

    Settings come from environment variables: SEGSEARCH_DATA_DIR, SEGSEARCH_DATABASE_URL, SEGSEARCH_FILES,
    SEGSEARCH_DEVICE, SEGSEARCH_RECIPE, SEGSEARCH_INDEX, SEGSEARCH_INDEX_URL, SEGSEARCH_ANALYZER_URL,
    SEGSEARCH_ANALYZER_TOKEN, SEGSEARCH_LIMITS_URL, SEGSEARCH_MIN_FREE, SEGSEARCH_QUOTA, SEGSEARCH_CACHE,
    SEGSEARCH_SIGNED_SECONDS, SEGSEARCH_TRASH_DAYS, SEGSEARCH_FRAME_SECONDS, SEGSEARCH_CONCEPTS, SEGSEARCH_WEIGHTS and
    SEGSEARCH_LOG_FORMAT.
    """
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logs.set_up(level, os.environ)
    context.obj = Settings.from_env(os.environ)
    if collection is not None:
        if context.invoked_subcommand in OF_INSTALLATION:
            raise click.UsageError(
                f"{context.invoked_subcommand} is for the whole installation: leave out --collection"
            )
        context.obj = _of_collection(context.obj, collection)


def _of_collection(settings: Settings, name: str) -> Settings:
    """The settings of a collection."""
    from retrieval.data_directory import DataDirectory

    installation = DataDirectory(settings)
    try:
        record = installation.collections.named(name)
    finally:
        installation.close()
    return settings.of_collection(record.id, record.recipe)


@cli.command(short_help="Print a completion script for a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes commands and options in a shell.

    Bash: put the line eval "$(segsearch completion bash)" into ~/.bashrc. Zsh: likewise, with zsh, into ~/.zshrc.
    Fish: segsearch completion fish > ~/.config/fish/completions/segsearch.fish.
    """
    found = get_completion_class(shell)
    if found is None:
        raise ConfigurationError(f"there is no completion for {shell}")
    click.echo(found(cli, {}, "segsearch", "_SEGSEARCH_COMPLETE").source())


for command in (*INDEXER_COMMANDS, *WEBUI_COMMANDS, mcp, quickstart):
    cli.add_command(command)
demo = copy(quickstart)  # under its former name
demo.hidden = True
cli.add_command(demo, "demo")


def main() -> None:
    """Run a command; an expected error is printed in one line."""
    show_only_printable()
    try:
        cli(prog_name=PROGRAM)
    except (AccountError, CollectionError, ConfigurationError, QueryError, UnknownCollectionError) as error:
        echo(f"error: {error}", err=True)
        sys.exit(2)
    except RetrievalError as error:
        echo(f"error: {error}", err=True)
        sys.exit(1)
    except ModuleNotFoundError as error:
        if (told := missing(error)) is None:
            raise
        echo(f"error: {told}", err=True)
        sys.exit(2)
    except OSError as error:
        from retrieval.storage.disk import obstacle_of

        obstacle = obstacle_of(error)
        if obstacle is None:
            raise
        echo(f"error: {obstacle}", err=True)
        sys.exit(1)
