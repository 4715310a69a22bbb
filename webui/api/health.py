"""The health of the installation; for admins."""

from __future__ import annotations

import platform
from dataclasses import asdict

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from retrieval.analysis.remote import RemoteAnalyzer
from retrieval.assembly import Assembly
from retrieval.catalog.records import ProcessRecord
from retrieval.errors import AnalyzerUnavailableError, IndexFileError, IndexMissingError
from retrieval.index.files import Manifest
from retrieval.models.runtimes import runtime_name
from retrieval.processes.versions import versions

from ..context import WebContext, context
from ..pictures.names import name_of, reason_of, shown_path
from ..serving.diagnosis import findings
from ..serving.metrics import metrics_of_app
from . import answers
from . import health_schemas as schemas
from .intake import worker
from .problems import documented
from .status_schemas import Counts

health = APIBlueprint("api_health", __name__, url_prefix="/api/v1", abp_tags=[Tag(name="installation")])

FAILURES = 5


@health.get("/health", summary="Get the health of the installation", responses={200: schemas.Health, **documented()})
def get_health() -> Response:
    """What is wrong with its cures, the index, the disk, workers, background tasks and versions."""
    return answers.as_json(health_of(context()))


def health_of(parts: WebContext) -> schemas.Health:
    """The health now."""
    assembly, follower = parts.assembly, metrics_of_app().follower
    is_fresh = follower is None or follower.is_fresh
    index, recipes = _index(parts, is_fresh=is_fresh), parts.catalog.images.recipes()
    database = parts.catalog.database()
    failed = parts.catalog.images.page(state="failed", newest_first=True, limit=FAILURES)
    return schemas.Health(
        findings=[schemas.Finding(**each) for each in findings(parts, is_fresh=is_fresh, index_error=index.error)],
        counts=Counts(**parts.catalog.images.counts()),
        trash=assembly.trash.count(),
        index=index,
        disk=_disk(parts),
        database=schemas.Database(**asdict(database)),
        workers=[worker(each) for each in assembly.ingest_overview.workers()],
        processes=[_process(each) for each in assembly.shared.processes.all()],
        analyzers=_analyzers(assembly),
        duties=[
            schemas.Duty(**{name: value for name, value in asdict(each).items() if name != "kind"})
            for each in assembly.duties.records()
        ],
        failures=[schemas.Failure(id=each.id, name=name_of(each), reason=reason_of(each)) for each in failed],
        paused=parts.ingest_queue.orders().paused,
        analyzer_up=parts.analyzer_is_up(),
        recipe=assembly.recipe_spec.name,
        fingerprint=assembly.recipe_spec.fingerprint,
        other_recipes=sum(recipes.values()) - recipes.get(assembly.recipe_spec.fingerprint, 0),
        device=parts.settings.device,
        runtime=runtime_name(parts.settings.device),
        versions={"python": platform.python_version(), database.kind.lower(): database.version, **versions()},
    )


def _process(record: ProcessRecord) -> schemas.Process:
    told = asdict(record)
    del told["name"]
    return schemas.Process(**told | {name: told[name].isoformat() for name in ("started_at", "seen_at")})


def _analyzers(assembly: Assembly) -> list[schemas.Analyzer]:
    """Every analyzer of another machine, as it answers now."""
    return [_analyzer(url, each) for url, each in assembly.remote_analyzer().each()]


def _analyzer(url: str, remote: RemoteAnalyzer) -> schemas.Analyzer:
    try:
        told = remote.about()
    except AnalyzerUnavailableError as failure:
        return schemas.Analyzer(url=url, host=None, version=None, recipe=None, is_up=False, error=str(failure))
    error = None
    if told.fingerprint != remote.fingerprint:
        error = f"it runs {told.fingerprint}, and this server uses {remote.fingerprint}: give both one SEGSEARCH_RECIPE"
    return schemas.Analyzer(
        url=url, host=told.host, version=told.version, recipe=told.recipe, is_up=error is None, error=error
    )


def _index(parts: WebContext, *, is_fresh: bool) -> schemas.IndexHealth:
    indexes, engine = parts.assembly.indexes, parts.engine
    manifest: Manifest | None = None
    error = None
    if indexes.is_local:
        try:
            manifest = indexes.segment_files.manifest()
        except IndexMissingError:
            pass  # the first worker publishes it
        except IndexFileError as failure:
            error = str(failure)
    stored = parts.catalog.vectors.contents(parts.assembly.recipe_spec.space).segments
    return schemas.IndexHealth(
        name=parts.settings.index,
        segments=engine.segments.stats().count,
        lag=engine.lag,
        is_fresh=is_fresh,
        written_at=manifest.written_at if manifest else None,
        unwritten=max(0, stored - manifest.count) if manifest else None,
        recall_target=manifest.recall if manifest else None,
        shards=[
            schemas.Shard(
                segments=each.count,
                bytes=each.bytes + each.ids_bytes,
                is_exact=each.tuning is None,
                recall=each.tuning.recall if each.tuning else None,
            )
            for each in (manifest.parts if manifest else ())
        ],
        error=error,
    )


def _disk(parts: WebContext) -> schemas.Disk:
    settings = parts.settings
    return schemas.Disk(
        folder=shown_path(settings.data_dir) or "",
        min_free=settings.min_free,
        quota=settings.quota or None,
        **asdict(parts.assembly.storage.usage()),
    )
