"""``serve --open``: the pages come up in the browser of the one who starts the server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60


@pytest.mark.slow
def test_the_browser_is_given_the_address(tmp_path: Path) -> None:
    opener, opened = tmp_path / "xdg-open", tmp_path / "opened"
    opener.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    opener.chmod(0o755)
    environment = {
        **os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "SEGSEARCH_DATA_DIR": str(tmp_path / "home"),
        "SEGSEARCH_RECIPE": "grid", "SEGSEARCH_DEVICE": "cpu", "SEGSEARCH_MIN_FREE": "0",
    }  # fmt: skip
    command = [sys.executable, str(ROOT / "manage.py"), "serve", "--no-worker", "--port", "0", "--open"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            end = time.monotonic() + PATIENCE_SECONDS
            while not opened.exists() and time.monotonic() < end:
                time.sleep(0.05)
            assert opened.exists()
        finally:
            server.terminate()
            told = server.communicate()[0]
    assert opened.read_text().strip() in told
    assert opened.read_text().startswith("http://127.0.0.1:")
