"""The library in Python takes photos from object stores, and shows them."""

from __future__ import annotations

from pathlib import Path

import pytest
from remote_stores import Bucket
from toys import Pictures

import retrieval
from retrieval.errors import ConfigurationError

pytestmark = pytest.mark.slow


def test_a_bucket_is_ingested_searched_and_shown(bucket: Bucket, pictures: Pictures, tmp_path: Path) -> None:
    bucket.put("trip/a b.png", pictures("a.png", seed=1).read_bytes())
    with retrieval.open(tmp_path / "home", recipe="grid") as library:
        assert library.ingest(f"{bucket.uri}/trip", pictures("b.png", seed=2)).counts["indexed"] == 2
        hits = library.search(image=pictures("c.png", seed=1), limit=2)
        (hit,) = {each.image_id: each for each in hits if each.uri and each.uri.startswith("s3:")}.values()
        assert (hit.path, hit.uri) == (None, f"{bucket.uri}/trip/a%20b.png")
        assert str(hit).endswith(f"{bucket.uri}/trip/a b.png")
        assert hit.image().shape[:2] == hit.size_hw
        with pytest.raises(ConfigurationError, match="is not known"):
            library.ingest("ftp://host/a.jpg")
