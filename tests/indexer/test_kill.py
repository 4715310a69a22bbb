"""Kill -9 in the middle of an ingest, at moments drawn by a seed: nothing is lost, nothing is done twice."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from databases import environment_of, execute, fetched

from retrieval.errors import CatalogUnavailableError
from retrieval.settings import Settings

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
PHOTOS = 300

pytestmark = pytest.mark.slow


def run(home, *arguments, **options):
    environment = {**os.environ, **environment_of(home), "SEGSEARCH_RECIPE": "grid"}
    return subprocess.Popen(
        [sys.executable, str(MANAGE), *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def ask(home, question):
    return fetched(Settings.in_data_dir(home).database_url, question)


def finished(home):
    try:
        return ask(home, "SELECT count(*) FROM image WHERE state NOT IN ('pending', 'working')")[0][0]
    except CatalogUnavailableError:  # there are no tables yet
        return 0


def kill_when(process, home, photos):
    """End the whole process group once so many photos are done, without a chance to tidy up."""
    until = time.monotonic() + 90
    while finished(home) < photos and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def let_leases_run_out(home):
    ended = "UPDATE image SET lease_until = '2000-01-01 00:00:00' WHERE state = 'working'"
    execute(Settings.in_data_dir(home).database_url, ended)


def test_nothing_is_lost_and_nothing_doubled(pictures, home):
    pictures.many(PHOTOS)
    folder = pictures.folder
    rng = random.Random(11)
    for round_ in range(3):
        process = run(home, "ingest", folder, start_new_session=True)
        kill_when(process, home, finished(home) + rng.randint(1, 15))
        assert finished(home) < PHOTOS, f"round {round_} came too late to prove anything"
        let_leases_run_out(home)
    last = run(home, "ingest", folder, "--json")
    out, errors = last.communicate(timeout=120)
    report = json.loads(out.splitlines()[-1])
    assert last.returncode == 0, errors
    assert report["failed"] == 0
    assert report["indexed"] + report["unchanged"] == PHOTOS
    assert ask(home, "SELECT state, count(*) FROM image GROUP BY state") == [("indexed", PHOTOS)]
    assert ask(home, "SELECT count(*), count(DISTINCT uri) FROM location") == [(PHOTOS, PHOTOS)]
    per_photo = ask(home, "SELECT count(*) FROM segment GROUP BY image_id")
    assert per_photo == [(25,)] * PHOTOS
    assert ask(home, "SELECT sum(segment_count) FROM image") == [(25 * PHOTOS,)]
    check = run(home, "verify")
    out, _ = check.communicate(timeout=60)
    assert (check.returncode, out) == (0, "index and catalogue agree\n")
