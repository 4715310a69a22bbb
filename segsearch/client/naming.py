"""Calls about concepts and clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import calls
from .calls import C, Call, Group, given
from .library_values import (
    Cluster,
    ClusterUpdate,
    Concept,
    ConceptFile,
    LearntTag,
    RankedPhotos,
    WholeConcept,
)
from .values import Folder


class Concepts(Group[C]):
    """Names that were learned from examples."""

    @calls.get("/concepts")
    def all(self) -> Call[list[Concept]]:
        """Concepts, sorted by name."""
        return Call(list[Concept], within="concepts")

    @calls.get("/concepts/{concept_id}")
    def get(self, concept_id: int) -> Call[WholeConcept]:
        """A concept with its examples."""
        return Call(WholeConcept, {"concept_id": concept_id})

    @calls.get("/concepts/{concept_id}/photos")
    def photos(self, concept_id: int, *, limit: int = 50) -> Call[RankedPhotos]:
        """The photos nearest to a concept, labelled or not."""
        return Call(RankedPhotos, {"concept_id": concept_id}, {"limit": limit})

    @calls.post("/concepts")
    def create(
        self,
        name: str,
        *,
        feedback: int | None = None,
        positive: Sequence[int] = (),
        negative: Sequence[int] = (),
    ) -> Call[WholeConcept]:
        """Learn a name from a refined search, or from segments; it can be searched for at once.

        Parameters
        ----------
        name : str
        feedback : int, optional
            Id of a refined search.
        positive, negative : sequence of int
            Segments, instead.
        """
        examples = {"positive": list(positive), "negative": list(negative)}
        return Call(WholeConcept, body={**given(name=name, feedback=feedback), **examples})

    @calls.patch("/concepts/{concept_id}")
    def change(
        self,
        concept_id: int,
        *,
        name: str | None = None,
        positive: Sequence[int] = (),
        negative: Sequence[int] = (),
        removed: Sequence[int] = (),
        threshold: float | None = None,
    ) -> Call[WholeConcept]:
        """Rename a concept, add or remove examples, or move its threshold."""
        examples = {"positive": list(positive), "negative": list(negative), "removed": list(removed)}
        return Call(
            WholeConcept, {"concept_id": concept_id}, body={**given(name=name, threshold=threshold), **examples}
        )

    @calls.delete("/concepts/{concept_id}")
    def delete(self, concept_id: int) -> Call[None]:
        """Delete a concept; its examples stay."""
        return Call(type(None), {"concept_id": concept_id})

    @calls.post("/concepts/merge")
    def merge(self, concept_ids: Sequence[int], name: str) -> Call[WholeConcept]:
        """Replace concepts by one that is learned from all their examples."""
        return Call(WholeConcept, body={"ids": list(concept_ids), "name": name})

    @calls.get("/concepts/export")
    def exported(self) -> Call[ConceptFile]:
        """All concepts with their vectors, for another library with the same recipe."""
        return Call(ConceptFile)

    @calls.post("/concepts/import")
    def add_exported(self, concepts: ConceptFile) -> Call[list[int]]:
        """Add concepts of another library, all or none; their ids."""
        return Call(list[int], body=concepts.model_dump(mode="json"), within="ids")

    @calls.pages("/folders")
    def folders(self) -> Call[list[Folder]]:
        """Iterate over the names of folders, which can serve as tags to learn from."""
        return Call(list[Folder], query={"limit": 1000}, within="folders", cursor="after")

    @calls.post("/concepts/learn")
    def learn(
        self,
        tags: Mapping[str, Sequence[int]] | None = None,
        *,
        folders: Sequence[str] = (),
        replace: bool = False,
    ) -> Call[list[LearntTag]]:
        """Learn concepts from tags of whole photos, or from names of folders; about a second for each.

        Parameters
        ----------
        tags : mapping of str to sequence of int, optional
            Ids of the photos with each tag.
        folders : sequence of str
        replace : bool
            Whether to replace concepts of these names.
        """
        told = {name: list(photos) for name, photos in (tags or {}).items()}
        return Call(list[LearntTag], body={"tags": told, "folders": list(folders), "replace": replace}, within="tags")


class Clusters(Group[C]):
    """Things on several photos that have no name yet."""

    @calls.pages("/clusters")
    def all(self, *, state: str = "open") -> Call[list[Cluster]]:
        """Iterate over clusters, best first.

        Parameters
        ----------
        state : {"open", "named", "dismissed"}
        """
        return Call(list[Cluster], query={"limit": 100, "state": state}, within="clusters", cursor="after")

    @calls.get("/clusters/{cluster_id}")
    def get(self, cluster_id: int) -> Call[Cluster]:
        """A cluster with its most typical members."""
        return Call(Cluster, {"cluster_id": cluster_id})

    @calls.post("/clusters/{cluster_id}/name")
    def name(self, cluster_id: int, name: str, *, add: bool = False) -> Call[int]:
        """Make a concept of a cluster, or add it to one (`add`); the concept's id."""
        return Call(int, {"cluster_id": cluster_id}, body={"name": name, "add": add}, within="concept")

    @calls.post("/clusters/{cluster_id}/dismiss")
    def dismiss(self, cluster_id: int) -> Call[Cluster]:
        """Hide a cluster."""
        return Call(Cluster, {"cluster_id": cluster_id}, body={})

    @calls.post("/clusters/{cluster_id}/restore")
    def restore(self, cluster_id: int) -> Call[Cluster]:
        """Open a hidden cluster again."""
        return Call(Cluster, {"cluster_id": cluster_id}, body={})

    @calls.post("/clusters/merge")
    def merge(self, cluster_ids: Sequence[int]) -> Call[Cluster]:
        """Make one cluster of several."""
        return Call(Cluster, body={"ids": list(cluster_ids)})

    @calls.post("/clusters/{cluster_id}/split")
    def split(self, cluster_id: int) -> Call[list[Cluster]]:
        """Split a cluster in two."""
        return Call(list[Cluster], {"cluster_id": cluster_id}, body={}, within="clusters")

    @calls.post("/clusters/update")
    def update(self) -> Call[ClusterUpdate]:
        """Have new segments join clusters; call it again while `more`."""
        return Call(ClusterUpdate, body={})
