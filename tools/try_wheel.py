"""``python -m tools.try_wheel``: builds the wheel from the source distribution, and uses it as a new user would.

It is installed into an empty environment with what a machine without a GPU needs (extras cpu, demo and plot) and a
plug-in; then the quick start, the lines of the README and the commands `doctor` and `recipes` run, away from the
checkout. Fails if torch or CUDA came along, or if the environment is larger than `MOST_MB`. Packages come from the
index that uv is set to, or from its cache.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXTRAS = "cpu,demo,plot"
MOST_MB = 1200
TOO_LARGE = ("torch", "triton", "nvidia", "faiss_gpu")
"""Packages that no machine without a GPU needs."""


def main() -> None:
    """Build, install and use the wheel."""
    with tempfile.TemporaryDirectory(prefix="segsearch-wheel-") as folder:
        place = Path(folder)
        python, packages = installed(place)
        size = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file()) / 1e6
        found = sorted(name for name in TOO_LARGE if (packages / name).exists())
        print(f"installed {size:.0f} MB")
        if found or size > MOST_MB:
            sys.exit(f"the environment has {', '.join(found) or 'no package too many'} and {size:.0f} MB of {MOST_MB}")
        use(place, python)


def installed(place: Path) -> tuple[Path, Path]:
    """An environment with the wheel and a plug-in: its interpreter, and the folder of its packages."""
    uv = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    for project in (ROOT, ROOT / "tests" / "plugins" / "stripes"):
        build = ("build", "--quiet", "--no-build-isolation", "--python", sys.executable, "--out-dir", place)
        command(uv, *build, cwd=project)
    command(uv, "venv", "--quiet", "--python", sys.executable, place / "venv")
    python = place / "venv" / "bin" / "python"
    own, plugin = (next(place.glob(f"{name}-*.whl")) for name in ("segsearch", "segsearch_stripes"))
    command(uv, "pip", "install", "--quiet", "--python", python, f"{own}[{EXTRAS}]", plugin)
    return python, next((place / "venv" / "lib").glob("python3*/site-packages"))


def use(place: Path, python: Path) -> None:
    """Run what a new user runs."""
    own = {"SEGSEARCH_DATA_DIR": str(place / "demo"), "MPLBACKEND": "Agg"}
    program = python.with_name("segsearch")
    command(program, "quickstart", "--no-serve", cwd=place, own=own)
    command(program, "doctor", cwd=place, own=own)
    scenes = sorted((place / "demo" / "scenes").glob("*.jpg"))
    (place / "photos").mkdir()
    for scene in scenes[:6]:
        shutil.copy(scene, place / "photos")
    shutil.copy(scenes[0], place / "query.jpg")
    (lines,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    command(python, "-c", lines, cwd=place, own=own)
    command(program, "recipes", "--check", cwd=place, own=own)
    stripes = own | {"SEGSEARCH_DATA_DIR": str(place / "stripes"), "SEGSEARCH_RECIPE": "stripes"}
    command(program, "ingest", "--strict", place / "photos", cwd=place, own=stripes)


def command(*arguments: str | Path, cwd: Path = ROOT, own: Mapping[str, str] | None = None) -> None:
    """Run a program; ends this one if it fails."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([str(each) for each in arguments], cwd=cwd, env=kept | dict(own or {}), check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, arguments[:4]))} … failed with {done.returncode}")


if __name__ == "__main__":
    main()
