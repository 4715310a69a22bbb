"""``discover``. Heavy imports are inside, so that ``--help`` is quick."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from retrieval.processes.terminal import echo
from retrieval.settings import Settings

from .options import ID, open_assembly

if TYPE_CHECKING:
    from retrieval.catalog.records import ClusterState


@click.group(invoke_without_command=True, short_help="Find groups of similar segments without a name.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many to list.")
@click.option(
    "--state",
    default="open",
    show_default=True,
    type=click.Choice(["open", "named", "dismissed"]),
    help="Which clusters to list.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_context
def discover(context: click.Context, limit: int, state: ClusterState, as_json: bool) -> None:
    """Find clusters of similar segments that have no name yet, the most coherent and frequent first.

    Without a subcommand, new segments join existing clusters or form new ones. Ids stay the same.
    """
    if context.invoked_subcommand is not None:
        return
    from .cluster_output import print_discovered

    print_discovered(open_assembly(context.obj), limit=limit, state=state, as_json=as_json)


@discover.command("name")
@click.argument("cluster", type=ID)
@click.argument("name")
@click.option("--add", is_flag=True, help="If the concept exists, add the examples to it.")
@click.pass_obj
def name_cluster(settings: Settings, cluster: int, name: str, add: bool) -> None:
    """Make a concept called NAME from the typical members of CLUSTER."""
    from .cluster_output import name_cluster as run

    run(open_assembly(settings), cluster, name, add=add)


@discover.command("dismiss")
@click.argument("clusters", nargs=-1, required=True, type=ID)
@click.pass_obj
def dismiss_clusters(settings: Settings, clusters: tuple[int, ...]) -> None:
    """Hide these CLUSTERS. Similar segments that are added later stay hidden, too."""
    for key in clusters:
        open_assembly(settings).cluster_editor.dismiss(key)


@discover.command("restore")
@click.argument("clusters", nargs=-1, required=True, type=ID)
@click.pass_obj
def restore_clusters(settings: Settings, clusters: tuple[int, ...]) -> None:
    """Show dismissed CLUSTERS again."""
    for key in clusters:
        open_assembly(settings).cluster_editor.restore(key)


@discover.command("merge")
@click.argument("clusters", nargs=-1, required=True, type=ID)
@click.pass_obj
def merge_clusters(settings: Settings, clusters: tuple[int, ...]) -> None:
    """Merge several CLUSTERS into the one with the smallest id."""
    echo(f"merged into cluster {open_assembly(settings).cluster_editor.merge(clusters)}")


@discover.command("split")
@click.argument("cluster", type=ID)
@click.pass_obj
def split_cluster(settings: Settings, cluster: int) -> None:
    """Split CLUSTER in two. The larger part keeps the id."""
    kept, new = open_assembly(settings).cluster_editor.split(cluster)
    echo(f"split into clusters {kept} and {new}")
