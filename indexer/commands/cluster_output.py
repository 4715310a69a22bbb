"""Clusters of unnamed segments, on the command line."""

from __future__ import annotations

from typing import Any

from retrieval.assembly import Assembly
from retrieval.catalog.records import ClusterRecord, ClusterState
from retrieval.learning.cluster_ranking import guess
from retrieval.learning.discovery import Discoverer
from retrieval.processes.program import PROGRAM
from retrieval.processes.tables import Console, Table
from retrieval.processes.terminal import echo, echo_json


def print_discovered(assembly: Assembly, *, limit: int, state: ClusterState, as_json: bool) -> None:
    """Update the clusters, and list the best as a table or one JSON object."""
    discoverer = assembly.discoverer
    report = discoverer.update_all()
    clusters = discoverer.ranked(state)
    rows = described(discoverer, clusters[:limit])
    if as_json:
        counts = {
            "joined": report.joined,
            "explained": report.explained,
            "founded": report.founded,
            "waiting": report.waiting,
        }
        echo_json({"update": counts, "total": len(clusters), "clusters": rows})
        return
    table = Table("id", "photos", "segments", "coherence", "perhaps", "typical photos")
    for row in rows:
        photos = ", ".join(str(each["image_id"]) for each in row["typical"][:6])
        table.add_row(
            *(str(row[name]) for name in ("id", "photos", "segments", "coherence")), row["guess"] or "", photos
        )
    console = Console()
    console.print(table)
    console.print(
        f"{report.joined} segments joined clusters, {report.explained} left them for a label or concept, "
        f"{report.founded} new clusters; {report.waiting} segments in no cluster; {len(clusters)} {state} clusters"
    )
    if rows and state == "open":
        console.print(f"`{PROGRAM} discover name {rows[0]['id']} NAME` names one; the page /discover shows them")


def described(discoverer: Discoverer, clusters: list[ClusterRecord]) -> list[dict[str, Any]]:
    """Clusters with their most typical members."""
    shown = discoverer.shown(clusters)
    return [
        {
            "id": cluster.id,
            "photos": cluster.photos,
            "segments": cluster.segments,
            "coherence": round(cluster.coherence, 3),
            "state": cluster.state,
            "concept": cluster.concept_id,
            "guess": guess(shown[cluster.id]),
            "typical": [
                {"segment_id": each.segment_id, "image_id": each.image_id, "similarity": round(each.similarity, 3)}
                for each in shown[cluster.id]
            ],
        }
        for cluster in clusters
    ]


def name_cluster(assembly: Assembly, cluster_id: int, name: str, *, add: bool) -> None:
    """Make a concept from a cluster, and print how many segments it labels."""
    trainer = assembly.trainer(assembly.engine())
    concept = assembly.concepts.get(assembly.cluster_editor.name(cluster_id, name, trainer, add=add))
    echo(f"{concept.name} labels {trainer.count(concept)} segments; `search --text` finds them")
