"""What a run was made from is in its folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from nnrun.config.extends import read
from nnrun.pipeline.check import examine
from nnrun.pipeline.run_files import copy_sources, source_digests
from nnrun.pipeline.train import TrainRequest, create_run_folder, load_data, recorded, save_data_files
from nnrun.progress import NullProgress
from nnrun.runs import record as records
from nnrun.runs.folder import RunFolder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """An empty run folder; the tests stand beside it."""
    monkeypatch.chdir(tmp_path)
    return RunFolder.create(Path("runs"), "x")


def kept(folder: RunFolder, **texts: str) -> None:
    """Write configs and keep the last one."""
    for name, text in texts.items():
        file = Path(f"{name.replace('__', '/')}.yaml")
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    copy_sources(folder, file, read(file))


def test_bases_are_copied_byte_for_byte(folder: RunFolder) -> None:
    """The config and each base lie in the folder as the user wrote them, comments and all, with their digests."""
    texts = {"root": "seed: 1  # why\n", "base": "extends: root.yaml\n", "mine": "extends: base.yaml\nname: x\n"}
    kept(folder, **texts)
    assert folder.config.read_text(encoding="utf-8") == texts["mine"]
    files = {"config": "mine", "sources/base.yaml": "base", "sources/root.yaml": "root"}
    for name in ("base", "root"):
        assert (folder.sources / f"{name}.yaml").read_text(encoding="utf-8") == texts[name]
    assert source_digests(folder) == {
        key: hashlib.sha256(texts[name].encode()).hexdigest() for key, name in files.items()
    }


def test_without_bases_there_is_no_folder_for_them(folder: RunFolder) -> None:
    """A config that extends nothing leaves no empty `sources/`."""
    kept(folder, mine="seed: 1")
    assert not folder.sources.exists()
    assert set(source_digests(folder)) == {"config"}


def test_bases_of_one_name_are_all_kept(folder: RunFolder) -> None:
    """Of several files with one name in different folders, none takes another's place."""
    kept(folder, a__base="seed: 1", b__base="seed: 2", mine="extends: [a/base.yaml, b/base.yaml]")
    assert {file.name: file.read_text(encoding="utf-8") for file in folder.sources.iterdir()} == {
        "base.yaml": "seed: 1",
        "base_2.yaml": "seed: 2",
    }


def test_the_record_has_the_digests_of_sources_and_data(folder: RunFolder) -> None:
    """`record.json` holds the digests of config and bases beside those of the data; none drives out another."""
    Path("mine.yaml").write_text("extends: digits_mlp\nname: mine\n", encoding="utf-8")
    request, examined = TrainRequest("mine.yaml", runs_dir=Path("runs")), examine(Path("mine.yaml"), (), None)
    opened = create_run_folder(request, examined)
    with recorded(opened, request, examined) as record:
        assert set(records.read(opened)["digests"]) == {"config", "sources/digits_mlp.yaml"}
        save_data_files(opened, record, load_data(examined, NullProgress()))
    told = records.read(opened)["digests"]
    assert {**told, **source_digests(opened)} == told
    assert any(name.startswith("train") for name in told)
    assert "extends" not in read(opened.resolved).data
    assert read(opened.resolved).sources == ()
