"""Parts of other packages: installed as pip installs them, used, and told of where they cannot be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from toys import Ingested, Pictures, close

import retrieval
from indexer.publish import rebuild
from indexer.verify import verify
from retrieval import plugins
from retrieval.assembly import Assembly
from retrieval.catalog.records import VectorBatch
from retrieval.errors import ConfigurationError, PluginError
from retrieval.recipes import NAMES, recipe_spec
from retrieval.recipes.embedders import FAMILIES, embedder_spec
from retrieval.settings import Settings
from segsearch.cli import cli

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

Install = Callable[..., None]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheels of the plug-ins are installed."""
    pytest.importorskip("hatchling", reason="hatchling is in the group dev: run `make setup`")
    folder = tmp_path_factory.mktemp("plugins")
    for name in ("stripes", "plain"):
        install_wheel(HERE / name, folder / name, folder / "site")
    return folder / "site"


def install_wheel(source: Path, folder: Path, site: Path) -> None:
    """Build a wheel of a package, and install it."""
    shutil.copytree(source, folder / "source")
    for command in (
        ["hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        ["pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(site), "WHEEL"],
    ):
        command = [str(next(folder.glob("*.whl"))) if each == "WHEEL" else each for each in command]
        subprocess.run([sys.executable, "-m", *command], cwd=folder / "source", check=True, capture_output=True)


@pytest.fixture
def run(site: Path, tmp_path: Path) -> Run:
    """Runs the program where the plug-in is installed."""

    def run(*arguments: str, recipe: str = "grid", **variables: str) -> subprocess.CompletedProcess[str]:
        place = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(site)]), "SEGSEARCH_DATA_DIR": str(tmp_path / recipe)}
        setting = {"SEGSEARCH_RECIPE": recipe, "SEGSEARCH_DEVICE": "cpu", "SEGSEARCH_MIN_FREE": "0"}
        program = [sys.executable, "-m", "segsearch", *arguments]
        return subprocess.run(
            program, cwd=tmp_path, env={**os.environ, **place, **setting, **variables}, capture_output=True, text=True
        )

    return run


class TestInstalled:
    @pytest.mark.parametrize(
        ("recipe", "segments"),
        [
            ("stripes+tones", 4),
            ("stripes:6+tones", 6),
            ("grid+tones", 25),
        ],
    )
    def test_photos_are_ingested_and_searched(self, run: Run, pictures: Pictures, recipe: str, segments: int) -> None:
        photos = [pictures(seed=seed) for seed in range(3)]
        entered = run("ingest", str(pictures.folder), "--json", recipe=recipe)
        assert entered.returncode == 0, entered.stderr
        assert json.loads(entered.stdout.splitlines()[-1])["indexed"] == 3
        status = run("status", "--json", recipe=recipe)
        assert json.loads(status.stdout)["segments"] == 3 * segments
        shutil.copy(photos[1], pictures.folder.parent / "query.png")
        found = run("search", "--image", "query.png", "--at", "20,30", "--json", recipe=recipe)
        assert found.returncode == 0, found.stderr
        results = json.loads(found.stdout)["results"]
        assert Path(results[0]["path"]).name == photos[1].name
        assert results[0]["score"] == pytest.approx(1, abs=0.02)
        assert len({result["image_id"] for result in results}) == 3

    def test_vectors_are_held_by_an_index_of_another_package(self, run: Run, pictures: Pictures) -> None:
        photos, index = [pictures(seed=seed) for seed in range(3)], {"SEGSEARCH_INDEX": "plain"}
        entered = run("ingest", str(pictures.folder), "--json", **index)
        assert entered.returncode == 0, entered.stderr
        home = pictures.folder.parent / "grid"
        assert len(list(home.glob("index/*/*/plain.npz"))) == 2
        assert not list(home.glob("index/*/*/manifest.json"))
        assert json.loads(run("status", "--json", **index).stdout)["index"] == {"name": "plain", "segments": 75}
        shutil.copy(photos[1], pictures.folder.parent / "query.png")
        found = run("search", "--image", "query.png", "--at", "20,30", "--json", **index)
        assert Path(json.loads(found.stdout)["results"][0]["path"]).name == photos[1].name, found.stderr

    def test_they_are_listed_with_the_package_that_brings_them(self, run: Run) -> None:
        told = run("recipes", "--json")
        assert told.returncode == 0, told.stderr
        parts = json.loads(told.stdout)["parts"]
        assert {(each["kind"], each["name"], each["package"]) for each in parts} >= {
            ("recipe", "lite", "SegSearch"),
            ("segmenter", "stripes", "segsearch-stripes 0.1"),
            ("embedder", "tones", "segsearch-stripes 0.1"),
            ("index", "local", "SegSearch"),
            ("index", "plain", "segsearch-plain 0.1"),
        }
        assert {each["fault"] for each in parts} == {None}
        assert "segsearch-stripes 0.1" in run("recipes", COLUMNS="200").stdout

    def test_a_name_is_known_without_importing_anything(self, site: Path) -> None:
        program = (
            "import sys; from retrieval import plugins; from retrieval.recipes import PLUGGED, recipe_spec; "
            "assert plugins.plugin('stripes', *PLUGGED); recipe_spec('grid'); "
            "assert not {'segsearch_stripes', 'torch', 'timm'} & sys.modules.keys(); "
            "recipe_spec('stripes:3+tones'); assert 'torch' not in sys.modules"
        )
        path = os.pathsep.join([str(ROOT), str(site)])
        told = subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
        )
        assert told.returncode == 0, told.stderr


GOOD = """
import numpy as np
from retrieval.models.fingerprint import fingerprint
from retrieval.models.size import ModelSize
from retrieval.recipes.specs import EmbedderSpec, RecipeSpec, SegmenterSpec
from retrieval.types import Analysis, Segments

class Part:
    fingerprint = space = fingerprint("part-1")
    size, batch_size, concurrency = ModelSize(), 1, 1
    def extract(self, images):
        return [None] * len(images)
    def segment(self, image, features):
        return Segments.from_masks(np.ones((1, *image.shape[:2]), bool), np.ones(1, np.float32))
    def embed(self, image, features, segments):
        return Analysis(segments, np.eye(len(segments), 3, dtype=np.float32), np.eye(3, dtype=np.float32)[0],
                        np.eye(3, dtype=np.float32)[0])
    def embed_texts(self, texts):
        return np.eye(len(texts), 3, dtype=np.float32)

TEXT = False
def recipe(name):
    return RecipeSpec(name=name, fingerprint=Part.fingerprint, space=Part.space, segment_dim=3, photo_dim=3,
                      word_vectors=None, reads_text=TEXT, build=lambda *_: Part())
def segmenter(name):
    return SegmenterSpec(fingerprint=Part.fingerprint, build=lambda *_: Part())
def embedder(name):
    return EmbedderSpec(family=name, space=Part.space, dim=3, reads_text=TEXT, build=lambda *_: Part())
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package of one module, as its files lie when pip has put them there."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def install(package: str, code: str = "", **groups: dict[str, str]) -> None:
        module = package.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(GOOD + code)
        info = tmp_path / f"{module}-2.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.0\n")
        lines = [
            line
            for group, entries in groups.items()
            for line in (f"[segsearch.{group}]", *(f"{name} = {module}:{what}" for name, what in entries.items()))
        ]
        (info / "entry_points.txt").write_text("\n".join(lines))
        forget()

    yield install
    for name in set(sys.modules) - before:
        if (tmp_path / f"{name}.py").is_file():
            del sys.modules[name]
    forget()


def forget() -> None:
    plugins.plugins.cache_clear()
    recipe_spec.cache_clear()


def built(name: str) -> Any:
    return recipe_spec(name).build("cpu", 1)


class TestUse:
    def test_a_whole_recipe(self, install: Install) -> None:
        install("blank", "TEXT = True", recipes={"blank": "recipe"})
        spec = recipe_spec("blank:some-model")
        assert (spec.name, spec.segment_dim, spec.reads_text) == ("blank:some-model", 3, True)
        assert spec.build("cpu", 1).embed_texts(["red"]).shape == (1, 3)

    def test_an_embedder_that_reads_text_makes_a_recipe_that_does(self, install: Install) -> None:
        install("reads", "TEXT = True", embedders={"reads": "embedder"})
        assert recipe_spec("grid+reads").reads_text
        assert built("grid+reads").embed_texts(["red", "blue"]).tolist() == np.eye(2, 3).tolist()

    @pytest.mark.slow
    def test_a_segmenter_alone_has_the_vectors_and_words_of_lite(self, install: Install) -> None:
        install("alone", segmenters={"alone": "segmenter"})
        spec, lite = recipe_spec("alone"), recipe_spec("lite")
        assert (spec.space, spec.segment_dim, spec.photo_dim) == (lite.space, lite.segment_dim, lite.photo_dim)
        assert spec.fingerprint not in (lite.fingerprint, recipe_spec("lite-unlearned").fingerprint)
        recipe, image = built("alone"), np.random.default_rng(0).integers(0, 256, (64, 96, 3)).astype(np.uint8)
        (features,) = recipe.extract([image])
        found = recipe.embed(image, features, recipe.segment(image, features))
        assert (recipe.fingerprint, recipe.space) == (spec.fingerprint, spec.space)
        assert found.vectors.shape == (1, lite.segment_dim)
        assert len(found.segments.labels) == 1, "lite names what the segmenter does not"
        assert recipe.size.parameters > 1e6

    def test_unknown_names_are_answered_with_those_that_are_installed(self, install: Install) -> None:
        install("more", segmenters={"blobs": "segmenter"}, embedders={"hues": "embedder"})
        for name, known in (("spots", "blobs"), ("grid+spots", "hues"), ("spots+hues", "blobs")):
            with pytest.raises(ConfigurationError, match=f"spots.* is none of .*{known}"):
                recipe_spec(name)

    def test_fingerprints_tell_segmenters_and_embedders_apart(self, install: Install) -> None:
        install("parts", segmenters={"one": "segmenter", "two": "segmenter"}, embedders={"vec": "embedder"})
        specs = [recipe_spec(name) for name in ("one", "two", "one+vec", "two+vec", "grid+vec", "grid")]
        assert len({spec.fingerprint for spec in specs}) == 6
        assert len({spec.space for spec in specs}) == 3, "lite's, the embedder's and the grid's"
        assert max(len(spec.fingerprint) for spec in specs) <= 64


SPOILT = [
    ("import nothing_of_this_name", r"cannot be imported \(ModuleNotFoundError: No module named"),
    ("raise SystemError('broken')", r"cannot be imported \(SystemError: broken"),
    ("KIND = 3", "has to be a function"),
    ("def KIND(name): return None", "gives NoneType, not a"),
    ("def KIND(name): raise KeyError(name)", r"fails for the name 'spoilt' \(KeyError"),
    ("Part.fingerprint = Part.space = 'part'", "has (fingerprint|space) 'part', which .*fingerprint has to make"),
    ("Part.fingerprint = Part.space = '../part:0123456789ab'", "has (fingerprint|space) '../part:"),
    ("del Part.extract, Part.size", "lacks size, extract"),
    ("Part.extract = lambda self, images: []", "extract gives 0 values for 1 image"),
    ("Part.extract = lambda self, images: 1 / 0", r"fails when it is tried \(ZeroDivisionError"),
]
SPOILT_SEGMENTS = [
    ("Part.segment = lambda self, image, features: []", "segment gives list, not retrieval.types.Segments"),
    ("del Part.batch_size", "lacks batch_size"),
]
SPOILT_VECTORS = [
    ("Part.embed = lambda self, image, features, segments: None", "embed gives NoneType"),
    (
        "embed = Part.embed; Part.embed = lambda *a: Analysis(a[-1], np.zeros((len(a[-1]), 3)), np.eye(3)[0])",
        "unit length",
    ),
    ("Part.embed = lambda *a: Analysis(a[-1], np.full((len(a[-1]), 3), np.nan), np.eye(3)[0])", "unit length"),
    ("Part.embed = lambda *a: Analysis(a[-1], np.eye(len(a[-1]), 4), np.eye(3)[0])", r"shape \(2, 4\) where \(2, 3\)"),
    ("Part.embed = lambda *a: Analysis(a[-1], np.eye(len(a[-1]), 3), np.eye(4)[0])", r"photo_vector of shape \(4,\)"),
    ("Part.embed = lambda *a: Analysis(a[-1], np.eye(len(a[-1]), 3), np.eye(3)[0])", "fallback, for a photo without"),
    ("TEXT = True; del Part.embed_texts", "lacks embed_texts"),
    ("TEXT = True; Part.embed_texts = lambda self, texts: np.eye(1, 2)", r"embed_texts of shape \(1, 2\)"),
]
KINDS = {
    "recipe": ("recipes", "spoilt", [*SPOILT, *SPOILT_SEGMENTS, *SPOILT_VECTORS]),
    "segmenter": ("segmenters", "spoilt", [*SPOILT, *SPOILT_SEGMENTS]),
    "embedder": ("embedders", "grid+spoilt", [*SPOILT, *SPOILT_VECTORS]),
}


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "code", "message"),
        [(kind, code, message) for kind, (_, _, faults) in KINDS.items() for code, message in faults],
    )
    def test_what_cannot_be_used_is_told_with_its_package(
        self, install: Install, kind: str, code: str, message: str
    ) -> None:
        group, name, _ = KINDS[kind]
        install("spoilt-part", code.replace("KIND", kind), **{group: {"spoilt": kind}})
        with pytest.raises(PluginError, match=rf"the {kind} 'spoilt' of spoilt-part 2.0 .*{message}") as told:
            built(name)
        assert "docs/plugins.md" in str(told.value)
        assert built("grid").fingerprint == recipe_spec("grid").fingerprint, "others go on"
        listed = CliRunner().invoke(cli, ["recipes", "--check", "--json"], env={"SEGSEARCH_DEVICE": "cpu"})
        assert listed.exit_code == 1
        faults = {each["name"]: each["fault"] for each in json.loads(listed.stdout)["parts"] if each["fault"]}
        assert faults == {"spoilt": str(told.value)}

    def test_what_is_built_otherwise_than_it_is_specified(self, install: Install) -> None:
        install("other", "Part.fingerprint = 'part-2:0123456789ab'", recipes={"other": "recipe"})
        recipe_spec("other")
        code = "class Other(Part): space = 'part-3:0123456789ab'\nold = recipe\n"
        install(
            "another",
            code + "def recipe(name):\n    from dataclasses import replace\n"
            "    return replace(old(name), build=lambda *_: Other())",
            recipes={"another": "recipe"},
        )
        with pytest.raises(PluginError, match="it is built as part-1:.* of part-3:"):
            built("another")

    @pytest.mark.parametrize("dim", ["0", "-3", "2.5", "None"])
    def test_no_length_of_vectors(self, install: Install, dim: str) -> None:
        code = f"old = embedder\ndef embedder(name):\n    from dataclasses import replace\n    return replace(old(name), dim={dim})"
        install("dims", code, embedders={"dims": "embedder"})
        with pytest.raises(PluginError, match="has to be a positive number"):
            embedder_spec("dims")

    @pytest.mark.parametrize(
        ("groups", "name", "others"),
        [
            ({"recipes": {"twice": "recipe"}}, "twice", {"recipes": {"twice": "recipe"}}),
            ({"recipes": {"twice": "recipe"}}, "twice", {"segmenters": {"twice": "segmenter"}}),
            ({"embedders": {"twice": "embedder"}}, "grid+twice", {"embedders": {"twice": "embedder"}}),
        ],
    )
    def test_two_packages_with_one_name(self, install: Install, groups: Any, name: str, others: Any) -> None:
        install("first", **groups)
        install("second", **others)
        with pytest.raises(PluginError, match=r"'twice' is brought by first 2.0 .* and second 2.0 .*uninstall all but"):
            recipe_spec(name)
        assert "grid" in recipe_spec("grid").fingerprint
        listed = CliRunner().invoke(cli, ["recipes"], env={"COLUMNS": "300"})
        assert listed.exit_code == 1
        assert listed.stdout.count("uninstall all but one") == 2

    def test_names_of_its_own_stay_its_own(self, install: Install) -> None:
        before = recipe_spec("grid").fingerprint
        install("taker", recipes={"grid": "recipe"}, segmenters={"lite": "segmenter"}, embedders={"timm": "embedder"})
        assert recipe_spec("grid").fingerprint == before
        listed = CliRunner().invoke(cli, ["recipes", "--json"])
        assert listed.exit_code == 1
        faults = [each["fault"] for each in json.loads(listed.stdout)["parts"] if each["package"] == "taker 2.0"]
        assert len(faults) == 3
        assert all("has its own" in fault and "taker 2.0 has to give it another name" in fault for fault in faults)

    @pytest.mark.parametrize("name", ["a+b", "a:b", "Upper", "x" * 25, "-a"])
    def test_names_that_cannot_be_asked_for(self, install: Install, name: str) -> None:
        install("odd", recipes={name: "recipe"})
        with pytest.raises(ConfigurationError):
            recipe_spec(name)
        assert name not in plugins.names(plugins.RECIPES)
        listed = CliRunner().invoke(cli, ["recipes", "--json"])
        assert "cannot be asked for: odd 2.0 has to name it" in listed.stdout


INDEX = """
class Index:
    is_shared, dim = False, 6
    search = get = image_ids_of = ids_of_images = image_counts = sample = stats = upsert = delete = refresh = flush = None
def index(config):
    return Index()
"""


class TestIndexes:
    @pytest.fixture
    def elsewhere(self, settings: Settings, assembly: Assembly) -> Assembly:
        """An installation whose index another package brings."""
        return Assembly(replace(settings, index="elsewhere"))

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            ("import nothing_of_this_name", "cannot be imported"),
            ("def index(config): raise OSError('no server')", r"cannot be opened \(OSError: no server"),
            ("del Index.upsert, Index.get", "lacks get, upsert"),
            ("Index.dim = 7", "takes vectors of length 7, and was opened for 6"),
        ],
    )
    def test_what_cannot_be_used_is_told_with_its_package(
        self, install: Install, elsewhere: Assembly, code: str, message: str
    ) -> None:
        install("spoilt-part", INDEX + code, indexes={"elsewhere": "index"})
        with pytest.raises(PluginError, match=f"the index 'elsewhere' of spoilt-part 2.0 {message}"):
            elsewhere.indexes.segments()
        close(elsewhere)

    def test_an_unknown_one(self, install: Install, elsewhere: Assembly) -> None:
        install("other-part", INDEX, indexes={"other": "index"})
        with pytest.raises(ConfigurationError, match="SEGSEARCH_INDEX='elsewhere' is none of local, other"):
            elsewhere.engine()
        close(elsewhere)

    def test_it_is_checked_and_made_anew(self, ingested: Ingested, install: Install) -> None:
        install("held", (HERE / "plain" / "segsearch_plain.py").read_text(), indexes={"held": "open_index"})
        assembly = Assembly(replace(ingested.assembly.settings, index="held"))
        assert [fault.partition(":")[0] for fault in verify(assembly)] == ["segments", "photos"]
        assert rebuild(assembly) == {"segments": 150, "photos": 6}
        assert verify(assembly) == []
        with retrieval.open(assembly.settings.data_dir, recipe="grid", device="cpu", index="held") as library:
            hits = library.search(image=ingested.paths[2], point=(20, 30))
            assert hits[0].path == ingested.paths[2]
        with pytest.raises(ConfigurationError, match="--recall is for the local index"):
            rebuild(assembly, 0.9)
        segments, photos = assembly.indexes.segments().index, assembly.indexes.photos().index
        segments.delete(np.array([1, 2]))
        segments.upsert(VectorBatch(np.array([10**6]), np.array([1]), segments.get(np.array([3]))))
        segments.upsert(VectorBatch(np.array([4]), np.array([2]), -segments.get(np.array([4]))))
        photos.delete(np.array([1]))
        segments.flush()
        photos.flush()
        assert [fault.partition(": run")[0] for fault in verify(assembly)] == [
            "segments: 2 are not in the index yet",
            "segments: 1 were deleted and are still in the index",
            "segments: the index has other image_ids than the catalogue",
            "segments: the index has other vectors than the catalogue",
            "photos: 1 are not in the index yet",
        ]
        assert rebuild(assembly) == {"segments": 150, "photos": 6}
        assert verify(assembly) == []
        close(assembly)


def test_without_plugins_the_list_is_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda **_: [])
    forget()
    listed = CliRunner().invoke(cli, ["recipes", "--check", "--json"])
    forget()
    assert listed.exit_code == 0
    own = [each["name"] for each in json.loads(listed.stdout)["parts"] if each["kind"] in ("recipe", "embedder")]
    assert own == [*NAMES, *FAMILIES]
