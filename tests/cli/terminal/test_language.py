"""The language of the screen: NNRUN_LANG, messages of real errors in Spanish, and what stays English."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nnrun.cli.terminal import language


@pytest.fixture
def spanish(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speak Spanish."""
    monkeypatch.setenv("NNRUN_LANG", "es_ES.UTF-8")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("chek", "tiny.yaml"), "error: No existe la orden 'chek'. ¿Se quiso decir 'check'?\nsugerencia: nnrun --help"),
        (("train",), "error: Falta el argumento 'CONFIG'.\nsugerencia: nnrun train --help"),
        (("train", "tiny.yaml", "--epochs", "3"), "error: No existe la opción"),
        (("check", "none.yaml"), "error: none.yaml: no existe tal archivo"),
        (("check", "tiny.yaml", "--set", "epochs"), "se esperaba path=value, path+=value o path~"),
        (("check", "tiny.yaml", "--set", "training.epochs.x=1"), "es un valor simple, así que no hay 'x' dentro de él"),
        (("check", "empty.yaml"), "empty.yaml:1:1: error: se esperaba una configuración, se recibió un archivo sin"),
        (("check", "tab.yaml"), "tab.yaml:2:1: error: se esperaban espacios como sangría, se recibió un tabulador"),
        (("check", "twice.yaml"), "twice.yaml:3:1: error: la clave 'seed' está definida dos veces en este mapa"),
        (("check", "open.yaml"), "error: este '[' no se cierra nunca"),
        (("check", "binary.yaml"), "se esperaba un archivo de texto, se recibieron datos binarios"),
        (("runs", "list", "--runs-dir", ""), "se esperaba una carpeta, se recibió un texto vacío; . es la carpeta"),
    ],
)
def test_errors_are_spanish(words, expected, invoke, workdir: Path, spanish) -> None:
    """Errors and hints are Spanish, with the place, names, options and commands to type as they are."""
    (workdir / "empty.yaml").write_text("", encoding="utf-8")
    (workdir / "tab.yaml").write_text("data:\n\tsource: digits\n", encoding="utf-8")
    (workdir / "twice.yaml").write_text("name: a\nseed: 1\nseed: 2\n", encoding="utf-8")
    (workdir / "open.yaml").write_text("name: a\nmodel: [1, 2\n", encoding="utf-8")
    (workdir / "binary.yaml").write_bytes(b"a\0b")
    result = invoke(*words)
    assert expected in result.output
    assert result.exit_code != 0


def test_the_frame_of_a_problem_keeps_its_line(invoke, workdir: Path, spanish) -> None:
    """Place, line and caret are those of the English message; severity, hint and count are Spanish."""
    (workdir / "wrong.yaml").write_text("name: a\nseed: 1\nseed: 2\n", encoding="utf-8")
    assert invoke("check", "wrong.yaml").output.splitlines()[:4] == [
        "wrong.yaml:3:1: error: la clave 'seed' está definida dos veces en este mapa",
        "    3 | seed: 2",
        "      | ^~~~",
        "      sugerencia: borrar una de las dos; la primera está en la línea 2",
    ]


def test_help_is_spanish(invoke, spanish) -> None:
    """Usage, options, commands and examples of the help are Spanish, wrapped as the English ones."""
    text = invoke("--help").output
    assert text.startswith("Uso: nnrun [OPTIONS] COMMAND [ARGS]...\n")
    assert "Mostrar este mensaje y salir." in text
    assert "nnrun check my.yaml           encontrar lo que está mal en una configuración" in text
    assert "  train                    Entrenar el modelo de una configuración." in text
    assert max(map(len, text.splitlines())) <= 100
    of_train = invoke("train", "--help").output
    assert "[variable de entorno:" in of_train
    assert "Se puede repetir." in of_train


def test_json_stays_english(invoke, workdir: Path, spanish) -> None:
    """Documents for programs are the same in every language."""
    document = json.loads(invoke("check", "none.yaml", "--json").stdout)
    assert "there is no such file" in json.dumps(document)


@pytest.mark.parametrize("word", ["", "en", "en_GB.UTF-8", "EN"])
def test_english_loads_no_translation(word: str) -> None:
    """In English nothing of the translations is imported or read."""
    code = "import sys; from nnrun.cli.main import nnrun\ntry: nnrun.main(['--help'])\nexcept SystemExit: pass\n"
    code += "print([name for name in sys.modules if name.endswith('terminal.translations')], file=sys.stderr)"
    source = str(Path(language.__file__).parents[3])
    environment = {"PYTHONPATH": source, "NNRUN_LANG": word, "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: ")
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("word", ["fr", "spanish", "C", "es ES"])
def test_another_language_is_refused_by_name(word: str, invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """A language that nnrun does not speak is refused with the languages that it does."""
    monkeypatch.setenv("NNRUN_LANG", word)
    result = invoke("configs")
    assert result.exit_code == 1
    assert f"error: NNRUN_LANG expected one of en (English), es (español), received '{word}'" in result.output
    assert "hint: export NNRUN_LANG=es" in result.output
