"""An index of one array of vectors, kept in one file."""

import numpy as np

from retrieval.index import ranking
from retrieval.index.checks import check_entries, check_queries
from retrieval.index.protocols import IndexStats


class PlainIndex:
    is_shared = False

    def __init__(self, file, dim):
        self.file, self.dim, self._stamp = file, dim, None
        self._rows = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, dim), np.float32)
        self.refresh()

    def search(self, directions, k, *, exclude_images=(), filter=None, group_by_image=False):
        check_queries(directions, k, self.dim)
        ids, image_ids, vectors = self._rows
        scored = ranking.Scored(ids, image_ids, (vectors @ directions.T).max(axis=1, initial=-1))
        found = ranking.best_of([scored]).without(exclude_images)
        if filter is not None:
            found = found[np.isin(found.ids, filter.passing(found.ids))]
        return (found.best_per_image() if group_by_image else found)[:k]

    def _at(self, ids):
        rows = np.searchsorted(self._rows[0], ids).clip(max=max(len(self._rows[0]) - 1, 0))
        return rows, self._rows[0][rows] == ids if len(self._rows[0]) else np.zeros(len(ids), bool)

    def get(self, ids):
        (rows, here), found = self._at(ids), np.zeros((len(ids), self.dim), np.float32)
        found[here] = self._rows[2][rows[here]]
        return found

    def image_ids_of(self, ids):
        (rows, here), found = self._at(ids), np.full(len(ids), -1, np.int64)
        found[here] = self._rows[1][rows[here]]
        return found

    def ids_of_images(self, image_ids):
        return self._rows[0][np.isin(self._rows[1], image_ids)]

    def image_counts(self):
        return np.unique(self._rows[1], return_counts=True)

    def sample(self, count):
        return np.random.default_rng(0).permutation(self._rows[0])[:count]

    def stats(self):
        return IndexStats(len(self._rows[0]), int(self._rows[0].max(initial=0)))

    def upsert(self, batch):
        check_entries(batch.ids, batch.vectors, self.dim)
        self.delete(batch.ids)
        new = batch.ids, batch.image_ids, batch.vectors.astype(np.float16).astype(np.float32)
        rows = [np.concatenate(pair) for pair in zip(self._rows, new)]
        self._rows = tuple(row[np.argsort(rows[0])] for row in rows)

    def delete(self, ids):
        kept = ~np.isin(self._rows[0], ids)
        self._rows = tuple(row[kept] for row in self._rows)

    def refresh(self):
        stamp = self.file.stat().st_mtime_ns if self.file.exists() else None
        if stamp == self._stamp:
            return False
        with np.load(self.file) as stored:
            self._rows, self._stamp = tuple(stored[name] for name in ("ids", "image_ids", "vectors")), stamp
        return True

    def flush(self):
        self.file.parent.mkdir(parents=True, exist_ok=True)
        beside = self.file.with_suffix(".tmp.npz")
        np.savez(beside, **dict(zip(("ids", "image_ids", "vectors"), self._rows)))
        beside.replace(self.file)
        self._stamp = self.file.stat().st_mtime_ns


def open_index(config):
    return PlainIndex(config.folder / "plain.npz", config.dim)
