"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.errors import ConfigurationError
from retrieval.settings import Settings
from retrieval.storage import file_names


@pytest.mark.sqlite("its file is the default")
def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_env({})
    assert settings == Settings(
        data_dir=tmp_path / "var",
        database_url=f"sqlite:///{tmp_path}/var/catalog.db",
        device="auto",
        recipe="lite",
        index="local",
        min_free=1024**3,
    )
    assert not settings.data_dir.exists(), "reading settings writes nothing"


def test_everything_can_be_set(tmp_path: Path) -> None:
    settings = Settings.from_env(
        {
            "SEGSEARCH_DATA_DIR": str(tmp_path),
            "SEGSEARCH_DATABASE_URL": "postgresql://u:p@host/db",
            "SEGSEARCH_DEVICE": "cuda:1",
            "SEGSEARCH_RECIPE": "grid",
            "SEGSEARCH_INDEX": "elsewhere",
            "SEGSEARCH_INDEX_URL": "http://host:19530",
            "SEGSEARCH_MIN_FREE": "1.5g",
            "SEGSEARCH_QUOTA": "20 GiB",
        }
    )
    url, limits = "postgresql://u:p@host/db", {"min_free": 3 << 29, "quota": 20 << 30}
    assert settings == Settings(
        data_dir=tmp_path,
        database_url=url,
        device="cuda:1",
        recipe="grid",
        index="elsewhere",
        index_url="http://host:19530",
        **limits,
    )


def test_an_empty_variable_is_one_that_is_not_set(tmp_path: Path) -> None:
    names = (
        "SEGSEARCH_DATA_DIR",
        "SEGSEARCH_DATABASE_URL",
        "SEGSEARCH_DEVICE",
        "SEGSEARCH_RECIPE",
        "SEGSEARCH_INDEX",
        "SEGSEARCH_INDEX_URL",
    )
    assert Settings.from_env(dict.fromkeys(names, "")) == Settings.from_env({})


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings.from_env({"SEGSEARCH_DATA_DIR": "~/photos"}).data_dir == tmp_path / "photos"


def test_the_home_folder_of_nobody() -> None:
    with pytest.raises(
        ConfigurationError, match="SEGSEARCH_DATA_DIR='~nobody-here/photos' starts with the home folder of"
    ):
        Settings.from_env({"SEGSEARCH_DATA_DIR": "~nobody-here/photos"})


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:0", "cuda:12"])
def test_devices(device: str) -> None:
    assert Settings.from_env({"SEGSEARCH_DEVICE": device}).device == device


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "CPU", "mps", "cpu "])
def test_other_devices_are_refused(device: str) -> None:
    with pytest.raises(ConfigurationError, match="SEGSEARCH_DEVICE=.* must be auto, cpu, cuda or cuda:N"):
        Settings.from_env({"SEGSEARCH_DEVICE": device})


@pytest.mark.parametrize(("text", "days"), [("0", 0), ("30", 30), ("0.5", 0.5), ("", 30), ("36500", 36_500)])
def test_days_in_the_trash(text: str, days: float) -> None:
    assert Settings.from_env({"SEGSEARCH_TRASH_DAYS": text}).trash_days == days


@pytest.mark.parametrize("text", ["-1", "x", "1e3", "inf", "nan", "40000", "1,5", "1 day"])
def test_other_days_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="SEGSEARCH_TRASH_DAYS=.* is not a number of days from 0 to 36500"):
        Settings.from_env({"SEGSEARCH_TRASH_DAYS": text})


@pytest.mark.parametrize(("text", "seconds"), [("0.1", 0.1), ("2", 2), ("", 2), ("3600", 3600)])
def test_seconds_between_frames(text: str, seconds: float) -> None:
    assert Settings.from_env({"SEGSEARCH_FRAME_SECONDS": text}).frame_seconds == seconds


@pytest.mark.parametrize("text", ["0", "-1", "0.05", "x", "1e3", "inf", "3601", "1,5", "2 s"])
def test_other_seconds_are_refused(text: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"SEGSEARCH_FRAME_SECONDS=.* is not a number of seconds from 0.1 to 3600"
    ):
        Settings.from_env({"SEGSEARCH_FRAME_SECONDS": text})


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    wrong = {
        "SEGSEARCH_DATA_DIR": str(tmp_path / "file"),
        "SEGSEARCH_DEVICE": "gpu",
        "SEGSEARCH_DATABASE_URL": "catalog.db",
    }
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env(wrong)
    assert all(name in str(caught.value) for name in wrong)


def test_a_password_in_a_wrong_url_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({"SEGSEARCH_DATABASE_URL": "user:secret@host"})
    assert "secret" not in str(caught.value)


def test_folders_are_within_data_dir(tmp_path: Path) -> None:
    settings = Settings.in_data_dir(tmp_path, recipe="grid")
    digest = "ab" + 62 * "0"
    places = [
        settings.index_dir,
        settings.uploads_dir,
        settings.renditions_dir,
        settings.queries_dir,
        settings.analyzers_dir,
        settings.files_dir / file_names.preview(digest),
        settings.files_dir / file_names.thumbnail(digest),
    ]
    assert len(set(places)) == 7
    assert all(place.is_relative_to(tmp_path) for place in places)
    assert (settings.files_dir / file_names.preview(digest)).parent.name == "ab"


def test_a_relative_home_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings.in_data_dir(Path("here")).data_dir == tmp_path / "here"
    assert Settings.from_env({"SEGSEARCH_DATA_DIR": "here"}).data_dir == tmp_path / "here"


@pytest.mark.parametrize(
    ("text", "count"), [("0", 0), ("1000", 1000), ("10B", 10), ("64K", 65536), ("2MiB", 2 << 20), ("1 TB", 1 << 40)]
)
def test_sizes(text: str, count: int) -> None:
    assert Settings.from_env({"SEGSEARCH_QUOTA": text}).quota == count


@pytest.mark.parametrize("text", ["-1", "much", "1X", "G", "1e9", "1,5G"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ConfigurationError, match="SEGSEARCH_MIN_FREE=.* is not a size such as 500M, 20G or 0"):
        Settings.from_env({"SEGSEARCH_MIN_FREE": text})


def test_the_former_name_of_the_data_directory(caplog: pytest.LogCaptureFixture) -> None:
    assert Settings.from_env({"SEGSEARCH_HOME": "/old"}).data_dir == Path("/old")
    assert "SEGSEARCH_HOME is now SEGSEARCH_DATA_DIR" in caplog.text
    caplog.clear()
    both = {"SEGSEARCH_HOME": "/old", "SEGSEARCH_DATA_DIR": "/new"}
    assert Settings.from_env(both).data_dir == Path("/new")
    assert caplog.text == ""


def test_a_device_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match="'gpu' must be auto, cpu, cuda or cuda:N"):
        Settings.in_data_dir(Path("/photos"), device="gpu")
