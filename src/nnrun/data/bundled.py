"""The data sets that come with scikit-learn: always there, no download."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nnrun.data.columns import Columns
from nnrun.data.raw import Examples, Outline, Raw
from nnrun.data.registry import entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from nnrun.data.places import Places
    from nnrun.errors import Path as ConfigPath
    from nnrun.progress import Progress
    from nnrun.spec.finding import Finding


class _Bundled:
    name: str

    def foresee(self, places: Places, path: ConfigPath) -> tuple[Outline, list[Finding]]:  # noqa: ARG002
        """What the registry states."""
        return entry(self.name).outline, []

    def again(self, file: Path, layout: Mapping[str, Any], *, with_target: bool) -> Examples:  # noqa: ARG002
        """Read examples of the same columns or pixels from a csv, npz or IDX file."""
        from nnrun.data.loose import read_loose

        return read_loose(file, entry(self.name).outline, with_target=with_target)


class _Table(_Bundled):
    options: ClassVar[Mapping[str, Any]] = {}

    def load(self, places: Places, progress: Progress) -> Raw:  # noqa: ARG002
        """Read the table from scikit-learn."""
        import numpy as np
        from sklearn import datasets

        bunch = getattr(datasets, f"load_{self.name}")(**self.options)
        outline = entry(self.name).outline
        columns = {
            name: np.ascontiguousarray(bunch.data[:, index], dtype="float64")
            for index, name in enumerate(outline.columns or ())
        }
        return Raw(
            Examples(Columns(columns), bunch.target),
            class_names=outline.class_names or (),
            target_names=outline.target_names,
            task=outline.task,
        )


class Digits(_Bundled):
    """1,797 handwritten digits, pictures of 8 x 8 pixels with values 0 to 16 (scikit-learn's).

    One example has the shape (8, 8): `Reshape: [8, 8, 1]` suits convolutions, `Flatten` or `Reshape: [64]` a Dense.
    """

    name = "digits"

    def load(self, places: Places, progress: Progress) -> Raw:  # noqa: ARG002
        """Read the pictures from scikit-learn."""
        pictures, classes = _digits()
        outline = entry(self.name).outline
        return Raw(
            Examples(pictures, classes),
            class_names=outline.class_names or (),
            target_names=outline.target_names,
            task=outline.task,
        )


class Iris(_Table):
    """150 iris flowers of three species with four measurements (scikit-learn's)."""

    name = "iris"


class Wine(_Table):
    """178 Italian wines of three growers with thirteen measurements (scikit-learn's)."""

    name = "wine"


class BreastCancer(_Table):
    """569 samples of breast tissue, malignant or benign, with thirty measurements (scikit-learn's)."""

    name = "breast_cancer"


class Diabetes(_Table):
    """442 diabetes patients with ten measurements, and how far the disease went on within a year (scikit-learn's).

    The measurements are the original ones, not scikit-learn's scaled ones, so that scaling is fitted on the
    training part alone.
    """

    name = "diabetes"
    options: ClassVar[Mapping[str, Any]] = {"scaled": False}


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """Read scikit-learn's file of digits, without importing scikit-learn where the file lies where it always has.

    The import takes longer than a first training of such digits.
    """
    import numpy as np

    found = find_spec("sklearn")
    file = Path(*(found.submodule_search_locations or [""])[:1] if found else [""], "datasets", "data", "digits.csv.gz")
    if not file.is_file():
        from sklearn.datasets import load_digits

        bunch = load_digits()
        return bunch.images.astype("uint8"), bunch.target
    table = np.loadtxt(file, delimiter=",", dtype="uint8")
    return np.ascontiguousarray(table[:, :-1]).reshape(-1, 8, 8), table[:, -1].astype("int64")
