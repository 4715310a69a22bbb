"""Clusters of unnamed things that several photos show."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from retrieval.catalog.records import ClusterRecord
from retrieval.learning.cluster_ranking import guess
from retrieval.learning.discovery import Discoverer

from ..context import context
from . import answers, bodies
from . import cluster_schemas as schemas
from .problems import documented
from .schemas import NoBody

clusters = APIBlueprint("api_clusters", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="clusters")])
clusters.before_request(bodies.read_json)


@clusters.get("/clusters", summary="List clusters", responses={200: schemas.ClusterList, **documented()})
def list_clusters(query: schemas.ClusterPage) -> Response:
    """Best first: coherent, on many photos, likely whole objects. The order changes as photos are added."""
    discoverer = context().discoverer
    found = discoverer.ranked(query.state)
    stop = query.after + query.limit
    listed = described(discoverer, found[query.after : stop])
    return answers.as_json(
        schemas.ClusterList(clusters=listed, total=len(found), next=stop if stop < len(found) else None)
    )


@clusters.get("/clusters/<id:cluster_id>", summary="Get a cluster", responses={200: schemas.Cluster, **documented(404)})
def get_cluster(path: schemas.ClusterPath) -> Response:
    """A cluster with its most typical members."""
    return _whole(path.cluster_id)


@clusters.post(
    "/clusters/<id:cluster_id>/name",
    summary="Name a cluster",
    responses={201: schemas.NamedCluster, **documented(404, 413, 415)},
)
def name_cluster(path: schemas.ClusterPath, body: schemas.ClusterName) -> Response:
    """Creates a concept of this name from the typical members. It is searchable at once."""
    parts = context()
    concept = parts.cluster_editor.name(path.cluster_id, body.name, parts.trainer, add=body.add)
    return answers.as_json(schemas.NamedCluster(concept=concept), 201)


@clusters.post(
    "/clusters/<id:cluster_id>/dismiss",
    summary="Dismiss a cluster",
    responses={200: schemas.Cluster, **documented(404, 413, 415)},
)
def dismiss_cluster(path: schemas.ClusterPath, body: NoBody) -> Response:  # noqa: ARG001  # it is described
    """Hides the cluster from the open ones. Similar segments that arrive later join it and stay hidden."""
    context().cluster_editor.dismiss(path.cluster_id)
    return _whole(path.cluster_id)


@clusters.post(
    "/clusters/<id:cluster_id>/restore",
    summary="Restore a cluster",
    responses={200: schemas.Cluster, **documented(404, 413, 415)},
)
def restore_cluster(path: schemas.ClusterPath, body: NoBody) -> Response:  # noqa: ARG001  # it is described
    """Opens a dismissed cluster again."""
    context().cluster_editor.restore(path.cluster_id)
    return _whole(path.cluster_id)


@clusters.post(
    "/clusters/merge", summary="Merge clusters", responses={200: schemas.Cluster, **documented(404, 409, 413, 415)}
)
def merge_clusters(body: schemas.ClusterMerge) -> Response:
    """The merged cluster keeps the smallest of the ids."""
    return _whole(context().cluster_editor.merge(body.ids))


@clusters.post(
    "/clusters/<id:cluster_id>/split",
    summary="Split a cluster",
    responses={200: schemas.ClusterList, **documented(404, 409, 413, 415)},
)
def split_cluster(path: schemas.ClusterPath, body: NoBody) -> Response:  # noqa: ARG001  # it is described
    """Splits it in two. The part on more photos keeps the id and comes first in the answer."""
    discoverer = context().discoverer
    parts = [discoverer.clusters.get(discoverer.space, key) for key in context().cluster_editor.split(path.cluster_id)]
    return answers.as_json(schemas.ClusterList(clusters=described(discoverer, parts), total=len(parts), next=None))


@clusters.post(
    "/clusters/update",
    summary="Update the clusters",
    responses={200: schemas.ClusterUpdate, **documented(409, 413, 415)},
)
def update_clusters(body: NoBody) -> Response:  # noqa: ARG001  # it is described
    """New segments join clusters or form new ones. A call takes a few seconds at most. Workers also do this."""
    return answers.as_json(schemas.ClusterUpdate(**asdict(context().discoverer.update())))


def described(discoverer: Discoverer, found: list[ClusterRecord]) -> list[schemas.Cluster]:
    """Clusters with their most typical members."""
    shown = discoverer.shown(found)
    return [
        schemas.Cluster(
            id=each.id,
            state=each.state,
            photos=each.photos,
            segments=each.segments,
            coherence=each.coherence,
            concept=each.concept_id,
            guess=guess(shown[each.id]),
            created_at=each.created_at.isoformat(),
            typical=[
                schemas.TypicalMember(
                    segment_id=member.segment_id, image_id=member.image_id, similarity=member.similarity
                )
                for member in shown[each.id]
            ],
        )
        for each in found
    ]


def _whole(cluster_id: int) -> Response:
    discoverer = context().discoverer
    found = described(discoverer, [discoverer.clusters.get(discoverer.space, cluster_id)])
    return answers.as_json(found[0])
