"""`nnrun check --fix`: what a hint names exactly one replacement for is mended, and nothing else."""

from __future__ import annotations

import sys
from contextlib import chdir
from pathlib import Path

import pytest

from nnrun.errors import ConfigError, RunError
from nnrun.pipeline.check import examine
from nnrun.pipeline.fix import fix_config, write_fixed
from nnrun.pipeline.user_code import register_code

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "errors"))

from gallery import FOLDER, copy_to, messages_in

#: Hints of the gallery are at least in so many configs, of which at least so many are mended.
_WITH_HINTS, _MENDED = 140, 70


def test_of_all_examples_what_is_mended_is_gone(tmp_path: Path) -> None:
    """Of every config of the gallery with such a hint, the findings that are mended are not found again."""
    configs = [one for one in sorted(FOLDER.glob("*.yaml")) if "hint: write " in one.with_suffix(".txt").read_text()]
    mended = 0
    for config in configs:
        folder = tmp_path / config.stem
        folder.mkdir()
        copy = copy_to(config, folder)
        with chdir(folder), register_code(sorted(Path().glob("*.py"))):
            fixed = fix_config(Path(copy.name), Path("no-data-here"))
            changed = [line for line in fixed.diff() if line.startswith("+") and not line.startswith("+++")]
            assert len(changed) <= len(fixed.mended), config.name
            write_fixed(fixed)
        said = messages_in(copy, folder)
        assert not [one.text for one in fixed.mended if one.text in said and one.hint and f"hint: {one.hint}\n" in said]
        mended += bool(fixed.mended)
    assert len(configs) >= _WITH_HINTS
    assert mended >= _MENDED


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("  epochs: '2'   # not many\n", "  epochs: 2   # not many\n"),
        ("  epochs=2\n", "  epochs: 2\n"),
        ("  epochs: 2.0\n", "  epochs: 2\n"),
        ("  batch_size: 9000\n  epochs: 2\n", "  batch_size: 32\n  epochs: 2\n"),
    ],
)
def test_comments_and_layout_stay(tmp_path: Path, tiny: str, wrong: str, right: str) -> None:
    """Only the value or key is replaced; every other character of the file stays, also line ends of Windows."""
    file = tmp_path / "tiny.yaml"
    # The file has a name of a step that a note would replace, too.
    current = tiny.replace("Standardize", "StandardScaler").splitlines(keepends=True)
    before = "".join(line for line in current if "batch_size:" not in line)
    (line,) = [line for line in before.splitlines(keepends=True) if "epochs:" in line]
    text = f"# my own comment\n{before.replace(line, wrong)}".replace("\n", "\r\n")
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    write_fixed(fix_config(file))
    assert (
        file.read_bytes()
        == b"\xef\xbb\xbf" + text.replace(wrong.replace("\n", "\r\n"), right.replace("\n", "\r\n")).encode()
    )
    assert not examine(file, (), None).problems


def test_a_guess_is_not_written(tmp_path: Path, tiny: str) -> None:
    """A hint that asks (did you mean) or names two ways is no single right answer."""
    file = tmp_path / "tiny.yaml"
    file.write_text(tiny.replace("Adam", "Adom").replace("Standardize", "StandardScaler"))
    fixed = fix_config(file)
    assert (fixed.mended, fixed.diff()) == ([], [])
    assert fixed.left


def test_a_base_stays_as_it_is(tmp_path: Path, tiny: str) -> None:
    """What is wrong in a base is not mended in the config that extends it."""
    (tmp_path / "base.yaml").write_text(tiny.replace("seed: ", "seed: 0.0 #"))
    file = tmp_path / "own.yaml"
    file.write_text("extends: base.yaml\nname: own\n")
    fixed = fix_config(file)
    assert fixed.after == fixed.before
    with pytest.raises(ConfigError):
        examine(file, (), None)


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(tmp_path: Path, tiny: str) -> None:
    """Between the question and the answer the user may have edited the file."""
    file = tmp_path / "tiny.yaml"
    file.write_text(tiny.replace("seed: ", "name: x\nseed: "))
    fixed = fix_config(file)
    file.write_text("name: mine\n")
    with pytest.raises(RunError, match="changed in the meantime"):
        write_fixed(fixed)
    assert file.read_text() == "name: mine\n"
