"""Write models as configs that compile to the same model: how many come back, parameters and outputs equal.

    python benchmarks/from_keras.py applications [--size 128] [--without FILE] [NAME ...]
    python benchmarks/from_keras.py configs [NAME ...]
    python benchmarks/from_keras.py files FILE ...

`applications`: models of `keras.applications` with random weights (by default all of them); `configs`: what configs
that come with nnrun compile to, over data that are there; `files`: `.keras` and `.h5` files. Each is done by a process
of its own, one after the other, and is one row of a Markdown table: layers, parameters, lines of the config, the
greatest difference of outputs (with the model's own weights and with random ones) and the greatest output, the memory
and the time. `--size` gives pictures of another width and height, which take less time; `--without FILE` leaves out the
models that have a row in FILE already.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

#: The program of a process: it makes a model, saves it, and lets nnrun write it.
PROGRAM = """
import json, resource, sys
from pathlib import Path
from nnrun.engine.backend.start import BackendSettings, start_keras
from nnrun.errors import NnrunError
from nnrun.pipeline.init.from_keras import begin_from_keras

kind, name, folder, size = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
file = Path(name)
layers = "?"
if kind == "applications":
    keras = start_keras(BackendSettings(seed=7))
    shape = {"input_shape": (size, size, 3)} if size else {}
    model = getattr(keras.applications, name)(weights=None, **shape)
    file, layers = folder / f"{name}.keras", len(model.layers)
    model.save(file)
    del model
    keras.backend.clear_session()
elif kind == "configs":
    from contextlib import nullcontext
    from nnrun.cli.commands.configs import locate_config
    from nnrun.engine.session import Session
    from nnrun.pipeline.check import examine
    found = examine(locate_config(name), (), None)
    opened = Session.open(found.experiment, found.facts, found.document.key_mark, threads=0, log=folder / "log",
                          phase=lambda _: nullcontext())
    with opened as session:
        file, layers = folder / f"{Path(name).name}.keras", len(session.model.layers)
        session.save(file)
try:
    begun = begin_from_keras(file, folder / "config.yaml", None)
except NnrunError as error:
    print(json.dumps({"refused": error.text}))
else:
    result, lines = begun.model, len((folder / "config.yaml").read_text().splitlines())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(json.dumps({"layers": layers, "parameters": result.parameters, "lines": lines, "equal": result.equal,
                      "same": result.compiled + result.adapted == result.parameters, "difference": result.difference,
                      "greatest": result.scale, "gigabytes": round(peak, 1)}))
"""
#: The eight architectures of the configs that come with nnrun.
CONFIGS = (
    "digits_mlp",
    "digits_cnn",
    "smoke/shakespeare_lstm",
    "smoke/shakespeare_gru",
    "smoke/shakespeare_transformer",
    "architectures/two_by_two",
    "architectures/unet",
    "smoke/vae",
    "architectures/siamese",
    "architectures/resnet20",
    "architectures/inception",
    "architectures/tagger",
)


def applications() -> list[str]:
    """Return the names of the models of `keras.applications`."""
    from nnrun.catalog import lookup

    names = (name for name in lookup.names("layers") if name[:1].isupper())
    return [name for name in names if (entry := lookup.entry("layers", name)) is not None and entry.application]


def row(kind: str, name: str, size: int) -> str:
    """Do one model in a process of its own; return its row of the table."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, kind, name, folder, str(size)], capture_output=True, text=True, check=False
        )
    label, seconds = Path(name).name if kind == "files" else name, time.perf_counter() - begun
    if done.returncode:
        return f"| {label} | failed: {(done.stderr.splitlines() or ['killed'])[-1][:150]} | | | | | | |"
    found = json.loads(done.stdout.splitlines()[-1])
    if "refused" in found:
        return f"| {label} | refused: {found['refused']} | | | | | | |"
    equal = "yes" if found["equal"] and found["same"] else "**no**"
    return (
        f"| {label} | {found['layers']} | {found['parameters']:,} | {found['lines']:,} | {equal} | "
        f"{found['difference']:.1g} of {found['greatest']:.2g} | {found['gigabytes']} GB | {seconds:.0f} s |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["applications", "configs", "files"])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--size", type=int, default=0, help="width and height of the pictures; default: the model's")
    parser.add_argument("--without", type=Path, help="a file with rows of models that are not tried again")
    options = parser.parse_intermixed_args()
    names = options.names or {"applications": applications, "configs": lambda: CONFIGS, "files": list}[options.kind]()
    tried = options.without.read_text(encoding="utf-8") if options.without else ""
    names = [name for name in names if f"| {name} " not in tried]
    print("| model | layers | parameters | lines | equal | greatest difference | memory | time |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for name in names:
        print(row(options.kind, name, options.size), flush=True)


if __name__ == "__main__":
    main()
