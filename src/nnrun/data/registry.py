"""The named data sets: what they are, whose they are, where they come from and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nnrun.config.hints import did_you_mean
from nnrun.data.raw import Outline
from nnrun.errors import DataError


@dataclass(frozen=True)
class Remote:
    """One file that can be downloaded.

    Attributes:
        name: The file's name in the data folder.
        sha256: The digest of the file.
        size: The file's size in bytes.
        addresses: The mirrors that hold the same bytes, best first.
    """

    name: str
    sha256: str
    size: int
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """A named data set.

    Attributes:
        name: The word that a config says.
        description: One or two sentences.
        licence: Under which terms it may be used.
        citation: Whom to cite.
        outline: Rows, shapes, classes and columns.
        containers: Ways to get it, best first; each is a set of files that together hold all of it. Empty where the
            set comes with scikit-learn.
        identity: SHA-256 of the arrays in IDX encoding, so that every container with the same content is fine.
        caveats: What a user should know.
    """

    name: str
    description: str
    licence: str
    citation: str
    outline: Outline
    containers: tuple[tuple[Remote, ...], ...] = ()
    identity: tuple[tuple[str, str], ...] = ()
    caveats: tuple[str, ...] = ()


def _mnist_idx(stem: str, sha256: str, size: int) -> Remote:
    mirrors = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
    return Remote(f"{stem}-ubyte.gz", sha256, size, tuple(f"{mirror}{stem}-ubyte.gz" for mirror in mirrors))


_MNIST = Entry(
    name="mnist",
    description="70,000 handwritten digits as grey pictures of 28 x 28 pixels, values 0 to 255; the last 10,000 test.",
    licence="CC BY-SA 3.0 (Yann LeCun and Corinna Cortes)",
    citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document recognition. "
    "Proc. IEEE 86(11), 1998.",
    outline=Outline(
        shape=(28, 28),
        rows=60000,
        test_rows=10000,
        task="classification",
        class_names=tuple("0123456789"),
        target_names=("digit",),
    ),
    containers=(
        (
            Remote(
                "mnist.npz",
                "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
                11490434,
                ("https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",),
            ),
        ),
        (
            _mnist_idx(
                "train-images-idx3", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422
            ),
            _mnist_idx("train-labels-idx1", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881),
            _mnist_idx("t10k-images-idx3", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877),
            _mnist_idx("t10k-labels-idx1", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542),
        ),
    ),
    identity=(
        ("x_train", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        ("y_train", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        ("x_test", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        ("y_test", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ),
    caveats=("A handful of test labels are disputable to the human eye; a test error below about 0.2 % means little.",),
)

_DIGITS = Entry(
    name="digits",
    description="1,797 handwritten digits as grey pictures of 8 x 8 pixels, values 0 to 16; comes with scikit-learn.",
    licence="CC BY 4.0 (UCI Machine Learning Repository)",
    citation="E. Alpaydin, C. Kaynak: Optical recognition of handwritten digits. UCI Repository, 1998.",
    outline=Outline(
        shape=(8, 8), rows=1797, task="classification", class_names=tuple("0123456789"), target_names=("digit",)
    ),
    caveats=("This is the test part of the UCI set; nothing says which of its rows share a writer.",),
)

_IRIS = Entry(
    name="iris",
    description="150 iris flowers of three species, with length and width of sepal and petal; comes with scikit-learn.",
    licence="CC BY 4.0 (UCI Machine Learning Repository)",
    citation="R. A. Fisher: The use of multiple measurements in taxonomic problems. Annals of Eugenics 7(2), 1936.",
    outline=Outline(
        shape=(4,),
        rows=150,
        task="classification",
        class_names=("setosa", "versicolor", "virginica"),
        target_names=("species",),
        columns=("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
    ),
    caveats=("Rows are sorted by species: split with `shuffle: true` (the default), better with `stratify: true`.",),
)

_WINE = Entry(
    name="wine",
    description="178 Italian wines of three growers, with thirteen chemical measurements; comes with scikit-learn.",
    licence="CC BY 4.0 (UCI Machine Learning Repository)",
    citation="S. Aeberhard, M. Forina: Wine. UCI Machine Learning Repository, 1991.",
    outline=Outline(
        shape=(13,),
        rows=178,
        task="classification",
        class_names=("class_0", "class_1", "class_2"),
        target_names=("grower",),
        columns=(
            "alcohol",
            "malic_acid",
            "ash",
            "alcalinity_of_ash",
            "magnesium",
            "total_phenols",
            "flavanoids",
            "nonflavanoid_phenols",
            "proanthocyanins",
            "color_intensity",
            "hue",
            "od280/od315_of_diluted_wines",
            "proline",
        ),
    ),
    caveats=("Rows are sorted by grower.", "The columns differ in size by a factor of a thousand: standardise them."),
)

_BREAST_CANCER = Entry(
    name="breast_cancer",
    description="569 fine-needle samples of breast tissue, malignant (0) or benign (1), with thirty measurements "
    "of the cell nuclei; comes with scikit-learn.",
    licence="CC BY 4.0 (UCI Machine Learning Repository)",
    citation="W. N. Street, W. H. Wolberg, O. L. Mangasarian: Nuclear feature extraction for breast tumor diagnosis. "
    "Proc. SPIE 1905, 1993.",
    outline=Outline(
        shape=(30,),
        rows=569,
        task="classification",
        class_names=("malignant", "benign"),
        target_names=("diagnosis",),
        columns=tuple(
            f"{kind} {what}" if kind != "error" else f"{what} error"
            for kind in ("mean", "error", "worst")
            for what in (
                "radius",
                "texture",
                "perimeter",
                "area",
                "smoothness",
                "compactness",
                "concavity",
                "concave points",
                "symmetry",
                "fractal dimension",
            )
        ),
    ),
    caveats=("Class 1 is benign: a high score means healthy.",),
)

_DIABETES = Entry(
    name="diabetes",
    description="442 diabetes patients with ten measurements, and how far the disease went on within a year, "
    "25 to 346; comes with scikit-learn.",
    licence="as given with scikit-learn (public data of the paper)",
    citation="B. Efron, T. Hastie, I. Johnstone, R. Tibshirani: Least angle regression. "
    "Annals of Statistics 32(2), 2004.",
    outline=Outline(
        shape=(10,),
        rows=442,
        task="regression",
        target_names=("progression",),
        columns=("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
    ),
    caveats=(
        "The measurements are the original ones, while scikit-learn's own default scales them with all rows.",
        "The columns differ in size: standardise them.",
    ),
)

_ENTRIES = {entry.name: entry for entry in (_MNIST, _DIGITS, _IRIS, _WINE, _BREAST_CANCER, _DIABETES)}


def entries() -> tuple[Entry, ...]:
    """All named data sets."""
    return tuple(_ENTRIES.values())


def entry(name: str) -> Entry:
    """The data set of that name.

    Raises:
        DataError: There is none.
    """
    if name not in _ENTRIES:
        listed = f"there are: {', '.join(_ENTRIES)}"
        raise DataError(f"there is no data set named {name!r}", hint=did_you_mean(name, _ENTRIES) or listed)
    return _ENTRIES[name]


def card(name: str) -> dict[str, Any]:
    """What `nnrun data show` tells of a data set, as plain data.

    Raises:
        DataError: There is none of that name.
    """
    known = entry(name)
    outline = known.outline
    return {
        "name": known.name,
        "description": known.description,
        "task": outline.task,
        "rows": {"train": outline.rows, **({"test": outline.test_rows} if outline.test_rows else {})},
        "shape": list(outline.shape or ()),
        "classes": list(outline.class_names or ()),
        "columns": list(outline.columns or ()),
        "target": list(outline.target_names),
        "licence": known.licence,
        "citation": known.citation,
        "caveats": list(known.caveats),
        "files": [
            {"name": file.name, "sha256": file.sha256, "bytes": file.size, "addresses": list(file.addresses)}
            for container in known.containers
            for file in container
        ],
    }
