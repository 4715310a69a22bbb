"""The files in `deploy/`: their own linters accept them, and what they name exists."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from retrieval.assembly import Assembly
from retrieval.settings import VARIABLES, Settings
from segsearch.cli import cli

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
UNITS = sorted(path for path in (DEPLOY / "systemd").iterdir())
COMPOSE = sorted(DEPLOY.glob("compose*.yaml"))

pytestmark = pytest.mark.slow


def commands() -> Iterator[tuple[str, list[str]]]:
    """What containers and units run, without the program's name."""
    found = re.search(r"^CMD (\[\"serve.*\])$", (DEPLOY / "Dockerfile").read_text(), re.M)
    assert found is not None
    yield "Dockerfile", json.loads(found[1])
    for path in COMPOSE:
        for name, service in yaml.safe_load(path.read_text())["services"].items():
            if "command" in service and "build" in service:
                yield f"{path.name} {name}", service["command"]
    for path in UNITS:
        for line in re.findall(r"^ExecStart=/opt/segsearch/bin/segsearch (.*)$", path.read_text(), re.M):
            yield path.name, line.split()


def run(*arguments: str | Path) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_accepts_the_dockerfile() -> None:
    run(BIN / "hadolint", DEPLOY / "Dockerfile")


def test_compose_files_follow_their_schema() -> None:
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", *COMPOSE)


def test_the_parts_of_the_cluster_agree() -> None:
    """What one part names is there in the others: the analyzer's port, the proxy's address, and shared settings."""
    found = yaml.safe_load((DEPLOY / "compose.cluster.yaml").read_text())
    services = found["services"]
    own = {name: each for name, each in services.items() if "build" in each}
    assert set(own) == {"web1", "web2", "worker", "analyzer"}
    assert len({json.dumps(each["environment"]) for each in own.values()}) == 1
    url = own["web1"]["environment"]["SEGSEARCH_ANALYZER_URL"]
    assert own["analyzer"]["command"][-1].rpartition(":")[2] == url.rpartition(":")[2]
    assert url.startswith("http://analyzer:")
    proxy = services["proxy"]["networks"]["inside"]["ipv4_address"]
    for name in ("web1", "web2"):
        assert own[name]["command"][-2:] == ["--trusted-proxy", proxy]
        assert f"server {name}:8000;" in found["configs"]["nginx"]["content"]
    known = {variable.name for variable in VARIABLES}
    named = set(re.findall(r"SEGSEARCH_\w+", (DEPLOY / "compose.cluster.yaml").read_text()))
    assert named <= known


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: install systemd to check the units")
    for unit in UNITS:
        text = unit.read_text().replace("/opt/segsearch/bin/segsearch", shutil.which("true") or "/bin/true")
        (tmp_path / unit.name).write_text(text)
    run("systemd-analyze", "verify", *(tmp_path / unit.name for unit in UNITS))


@pytest.mark.parametrize(("where", "command"), [pytest.param(*each, id=each[0]) for each in commands()])
def test_what_is_run_is_understood(where: str, command: list[str]) -> None:
    name, *arguments = command
    assert isinstance(cli, click.Group)
    with click.Context(cli, obj=Settings.in_data_dir(Path("unused"))) as context:
        cli.commands[name].make_context(name, arguments, parent=context)


def test_everything_that_is_built_from_is_sent_to_the_builder() -> None:
    """The wheel needs these; `.dockerignore` leaves out everything that is not named."""
    sent = set(re.findall(r"^!(\S+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.M))
    packages = re.search(r"packages = \[(.*)\]", (ROOT / "pyproject.toml").read_text())
    assert packages is not None
    needed = {
        *re.findall(r'"(\w+)"', packages[1]),
        "migrations",
        "pyproject.toml",
        "uv.lock",
        "README.md",
        "LICENSE",
        "NOTICE",
    }
    assert sent == needed
    assert all((ROOT / name).exists() for name in sent)


class TestDashboard:
    @pytest.fixture
    def expressions(self) -> list[str]:
        board = json.loads((DEPLOY / "grafana" / "segsearch.json").read_text())
        return [target["expr"] for panel in board["panels"] for target in panel["targets"]]

    @pytest.fixture
    def exposed(self, tmp_path_factory: pytest.TempPathFactory) -> str:
        """The metrics of a server that has answered a search."""
        from retrieval.analysis.local import LocalAnalyzer
        from retrieval.images.decoder_pool import DecoderPool
        from webui import create_app

        assembly = Assembly(Settings.in_data_dir(tmp_path_factory.mktemp("home"), device="cpu", recipe="grid"))
        with DecoderPool(1) as decoders:
            client = create_app(assembly, LocalAnalyzer(assembly.recipe, decoders)).test_client()
            client.post("/api/v1/search", json={"text": "cat"})
            return client.get("/metrics").text

    def test_its_metrics_exist(self, expressions: list[str], exposed: str) -> None:
        shown = {name for each in expressions for name in re.findall(r"\b(?:segsearch|process)_\w+", each)}
        known = set(re.findall(r"^(\w+?)(?:\{| )", exposed, re.M))
        assert len(shown) >= 6
        assert shown - known == set()

    def test_its_labels_exist(self, expressions: list[str], exposed: str) -> None:
        states = {each for text in expressions for each in re.findall(r'state="(\w+)"', text)}
        assert states
        assert states <= set(re.findall(r'segsearch_photos\{state="(\w+)"\}', exposed))
