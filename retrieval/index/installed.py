"""The two indexes of an installation, of segments and of whole photos, in the space of its recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..catalog import Catalog
from ..recipes import RecipeSpec
from ..settings import Settings
from .backends import LOCAL, IndexConfig, open_index
from .files import IndexFiles
from .following import CatalogFollower
from .published import PublishedShards
from .sources import Source, photos_of, segments_of


@dataclass(frozen=True, eq=False, slots=True)
class InstalledIndexes:
    """Where the indexes are, and how they are opened.

    Attributes
    ----------
    settings : Settings
    catalog : Catalog
    recipe : RecipeSpec
    """

    settings: Settings
    catalog: Catalog
    recipe: RecipeSpec

    @property
    def is_local(self) -> bool:
        """Whether the vectors are held by the index of this project, which has files to be written and checked."""
        return self.settings.index == LOCAL

    @property
    def segment_files(self) -> IndexFiles:
        """Files of the local index of segments."""
        return IndexFiles(self._folder / "segments")

    @property
    def photo_files(self) -> IndexFiles:
        """Files of the local index of whole photos."""
        return IndexFiles(self._folder / "photos")

    def segments(self, *, gpu: int | None = None, is_worker: bool = False) -> CatalogFollower:
        """Open the index of segments, with what keeps it in step with the catalogue.

        Parameters
        ----------
        gpu : int or None
            Number of the GPU that large shards are searched on.
        is_worker : bool
            Whether this process enters photos.

        Raises
        ------
        ConfigurationError, PluginError, IndexMismatchError
            As `backends.open_index`.
        """
        return self._followed("segments", self._segment_source, self.recipe.segment_dim, gpu, is_worker)

    def photos(self, *, is_worker: bool = False) -> CatalogFollower:
        """Open the index of whole photos, as `segments`."""
        return self._followed("photos", self._photo_source, self.recipe.photo_dim, None, is_worker)

    def published(self) -> dict[str, PublishedShards]:
        """What is written of both local indexes, none of it opened."""
        segments, photos, space = self._segment_source, self._photo_source, self.recipe.space
        return {
            "segments": PublishedShards(self.segment_files, segments, space, self.recipe.segment_dim),
            "photos": PublishedShards(self.photo_files, photos, space, self.recipe.photo_dim),
        }

    def erase(self) -> None:
        """Remove all entries of indexes on a server; those on this machine go with their folder."""
        if not self.is_local:
            for followed in (self.segments(), self.photos()):
                index = followed.index
                index.delete(index.ids_of_images(index.image_counts()[0]))
                index.flush()

    @property
    def _folder(self) -> Path:
        """One folder a space, so that a server goes on while photos are analysed for another space."""
        return self.settings.index_dir / self.recipe.space.replace(":", "-")

    @property
    def _segment_source(self) -> Source:
        return segments_of(self.catalog, self.recipe.space)

    @property
    def _photo_source(self) -> Source:
        return photos_of(self.catalog, self.recipe.space)

    def _on_servers(self, name: str) -> str:
        """The name of an index, which tells the collections of one server apart."""
        return f"{name}_{self.settings.collection}" if self.settings.collection else name

    def _followed(self, name: str, source: Source, dim: int, gpu: int | None, is_worker: bool) -> CatalogFollower:
        folder = self._folder / (name if self.is_local else f"{name}-{self.settings.index}")
        url = self.settings.index_url or self.settings.database_url
        config = IndexConfig(
            name=self._on_servers(name),
            space=self.recipe.space,
            dim=dim,
            folder=folder,
            url=url,
            source=source,
            gpu=gpu,
        )
        index = open_index(self.settings.index, config)
        return CatalogFollower(index, source, self.catalog, self.recipe.space, is_worker=is_worker)
