"""Hostile configs: YAML that grows, nests or runs, values that no computer holds, and paths that lead out."""

# ruff: noqa: E501 - one line for each input, as a table
# fmt: off

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hostile_inputs import MARKER, Hostile

BASE = """\
name: hostile
data: {source: digits, split: {test: 0.2, validation: 0.1}}
model: [Flatten, {Dense: {units: $classes, activation: softmax}}]
training: {loss: sparse_categorical_crossentropy, optimizer: Adam, epochs: 1}
"""


def _text(text: str | bytes, **others: str) -> Callable[[Path], object]:
    def prepare(folder: Path) -> None:
        (folder / "c.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        for name, content in others.items():
            (folder / f"{name}.yaml").write_text(content)

    return prepare


def _line(line: str, base: str = BASE) -> Callable[[Path], object]:
    """Prepare the usual config with a line of `training:` more."""
    return _text(base.replace("epochs: 1}", f"epochs: 1, {line}}}"))


def _layer(layer: str) -> Callable[[Path], object]:
    return _text(BASE.replace("[Flatten,", f"[Flatten, {layer},"))


def _callback(callback: str) -> Callable[[Path], object]:
    return _line(f"callbacks: [{callback}]")


def _aliases() -> str:
    levels = [f"b{n}: &b{n} [*b{n - 1}, *b{n - 1}, *b{n - 1}, *b{n - 1}, *b{n - 1}, *b{n - 1}, *b{n - 1}, *b{n - 1}]" for n in range(1, 20)]
    return "b0: &b0 [x, x, x, x]\n" + "\n".join(levels) + "\n"


CHECK, TRAIN = ("check c.yaml",), ("train c.yaml --runs-dir runs -q",)
INPUTS = [
    Hostile(name, tries, run, prepare, code, says)
    for name, tries, run, prepare, code, says in [
        ("yaml-alias-bomb", "aliases of aliases: 8^20 values", CHECK, _text(_aliases()), 2, ""),
        ("yaml-alias-of-itself", "a list that contains itself", CHECK, _text("a: &a [*a]\n" + BASE), 2, ""),
        ("yaml-nested-brackets", "100,000 open brackets", CHECK, _text("a: " + "[" * 100_000), 2, ""),
        ("yaml-nested-lines", "5,000 levels of mappings", CHECK, _text("".join(f"{' ' * n}a:\n" for n in range(1300))), 2, ""),
        ("yaml-python-object", "a tag that makes a Python object", CHECK, _text(f"a: !!python/object/apply:os.system ['touch {MARKER}']\n"), 2, ""),
        ("yaml-own-tag", "a tag that nobody knows", CHECK, _text(f"a: !exec 'touch {MARKER}'\n"), 2, ""),
        ("yaml-merge-key", "a merge key with an alias", CHECK, _text("x: &x {a: 1}\n" + BASE + "y: {<<: *x}\n"), 2, "merge keys"),
        ("yaml-two-documents", "a second document after the config", CHECK, _text(BASE + "---\nname: other\n"), 2, ""),
        ("yaml-2mb", "a config of 2 MB", CHECK, _text("# " + "x" * 2_000_000), 2, "at most 1 MB"),
        ("yaml-1mb-one-line", "a key of 900,000 letters", CHECK, _text("x" * 900_000 + ": 1\n"), 2, ""),
        ("yaml-many-errors", "20,000 unknown keys", CHECK, _text("".join(f"k{n}: 1\n" for n in range(20_000))), 2, ""),
        ("yaml-nul", "a NUL character", CHECK, _text(b"name: a\0b\n"), 2, "NUL"),
        ("yaml-escape-character", "a terminal sequence in a comment", CHECK, _text(BASE + "# \x1b[31mred\n"), 2, "control character"),
        ("yaml-invalid-utf8", "bytes that are no text", CHECK, _text(b"name: \xff\xfe\xfa\n"), 2, "UTF-8"),
        ("yaml-huge-integer", "an integer of 5,000 digits", CHECK, _line("batch_size: " + "9" * 5000), 2, ""),
        ("yaml-batch-of-1e20", "a batch beyond what TensorFlow counts", CHECK, _line("batch_size: 99999999999999999999"), 2, ""),
        ("yaml-huge-float", "1e999999", CHECK, _text(BASE.replace("optimizer: Adam", "optimizer: {Adam: {learning_rate: 1e999999}}")), 2, ""),
        ("yaml-hex-and-octal", "numbers of other bases", CHECK, _line("batch_size: 0x7fffffffffffffffffff"), 2, ""),
        ("yaml-sexagesimal", "190:20:30, a number in YAML 1.1", CHECK, _line("batch_size: 190:20:30"), 2, ""),
        ("yaml-timestamp", "a date where a number stands", CHECK, _line("batch_size: 2001-12-14t21:59:43.10-05:00"), 2, ""),
        ("yaml-binary", "a value of bytes", CHECK, _line("batch_size: !!binary R0lGODlhDAAMAIQ="), 2, ""),
        ("yaml-set-and-omap", "tags of sets and ordered mappings", CHECK, _text(BASE + "x: !!set {a, b}\ny: !!omap [a: 1]\n"), 2, ""),
        ("extends-itself", "a config that extends itself", CHECK, _text("extends: c.yaml\n" + BASE), 2, ""),
        ("extends-in-a-circle", "two configs that extend each other", CHECK, _text("extends: d.yaml\n", d="extends: c.yaml\n"), 2, ""),
        ("extends-device", "a base that is /dev/zero", CHECK, _text("extends: /dev/zero\n" + BASE), 2, ""),
        ("config-device", "a config that is /dev/zero", ("check /dev/zero",), _text(BASE), 2, "MB"),
        ("layer-lambda", "a layer of Python code", CHECK, _layer(f"{{Lambda: {{function: \"__import__('os').system('touch {MARKER}')\"}}}}"), 2, "Lambda"),
        ("layer-saved-model", "a layer that runs a SavedModel", CHECK, _layer("{TFSMLayer: {filepath: exported}}"), 2, "runs the program"),
        ("layer-module-path", "a layer by the path of any Python class", CHECK, _layer("{subprocess.Popen: {args: [touch, x]}}"), 2, ""),
        ("layer-vocabulary-file", "a layer that reads a file of words", CHECK, _layer("{StringLookup: {vocabulary: /etc/passwd}}"), 2, ""),
        ("layer-integer-vocabulary-file", "a layer that reads a file of numbers", CHECK, _layer("{IntegerLookup: {vocabulary: /etc/passwd}}"), 2, ""),
        ("layer-of-a-terabyte", "a layer of 10^12 weights", CHECK, _layer("{Dense: 1000000000000}"), 0, ""),
        ("layers-20000", "20,000 layers", CHECK, _text(BASE.replace("[Flatten,", "[Flatten," + "{Dense: 1}," * 20_000)), 2, ""),
        ("loss-of-code", "a loss that is an expression", CHECK, _text(BASE.replace("sparse_categorical_crossentropy", f"\"__import__('os').system('touch {MARKER}')\"")), 2, ""),
        ("set-of-code", "an expression in --set", ("check c.yaml --set training.loss=__import__('os')",), _text(BASE), 2, ""),
        ("callback-config-yaml", "CSVLogger over the run's config", TRAIN, _callback("{CSVLogger: {filename: config.yaml}}"), 2, "which nnrun itself writes"),
        ("callback-backup-of-everything", "BackupAndRestore, which removes its folder, over the run folder", TRAIN, _callback('{BackupAndRestore: {backup_dir: "."}}'), 2, "which nnrun itself writes"),
        ("callback-backup-of-state", "BackupAndRestore over the state of a resume", TRAIN, _callback("{BackupAndRestore: {backup_dir: state}}"), 2, "which nnrun itself writes"),
        ("callback-best-model", "ModelCheckpoint over best.keras", TRAIN, _callback("{ModelCheckpoint: {filepath: checkpoints/best.keras}}"), 2, "which nnrun itself writes"),
        ("callback-parent-folder", "a path out of the run folder", TRAIN, _callback("{CSVLogger: {filename: ../../../victim/precious.txt}}"), 2, "inside the run folder"),
        ("callback-absolute", "an absolute path", TRAIN, _callback("{CSVLogger: {filename: /tmp/x.csv}}"), 2, "inside the run folder"),
        ("callback-dots-of-an-epoch", "a format that makes dots of epoch 46", TRAIN, _callback('{ModelCheckpoint: {filepath: "{epoch:c}{epoch:c}/x.keras"}}'), 2, "format of numbers"),
        ("callback-empty-conversion", "a format that makes nothing of an epoch", TRAIN, _callback('{ModelCheckpoint: {filepath: ".{epoch!s:.0}./x.keras"}}'), 2, "format of numbers"),
        ("callback-attribute", "a field that reaches into objects", TRAIN, _callback('{ModelCheckpoint: {filepath: "{epoch.__class__}.keras"}}'), 2, ""),
        ("name-with-slashes", "a name that is a path", ("train c.yaml --runs-dir runs -q",), _text(BASE.replace("name: hostile", "name: ../../victim/x").replace("[Flatten,", "[Flatten, {Dense: -1},")), 2, ""),
        ("init-from-outside", "weights of a folder elsewhere that is no run", CHECK, _text(BASE + "init_from: ../victim\n"), 2, ""),
        ("data-file-of-a-folder", "a folder as a data file", CHECK, _text(BASE.replace("source: digits", "source: {csv: {file: ../victim}}")), 2, "a folder"),
        ("source-of-code", "a source by the path of a Python function", CHECK, _text(BASE.replace("source: digits", "source: {os.system: {command: ls}}")), 2, ""),
        ("code-not-named", "a source that only a file next to the config defines", CHECK, _text(BASE.replace("source: digits", "source: {read_blobs: {rows: 3}}")), 2, ""),
        ("openml-address", "an address in place of a number", CHECK, _text(BASE.replace("source: digits", "source: {openml: {id: 'http://127.0.0.1/x'}}")), 2, ""),
    ]
]
