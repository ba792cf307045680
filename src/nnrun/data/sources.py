"""All sources of examples by the name that a config says."""

from __future__ import annotations

from nnrun.data.arrays import Npz
from nnrun.data.bundled import BreastCancer, Diabetes, Digits, Iris, Wine
from nnrun.data.bundled_tables import Sklearn
from nnrun.data.cifar import Cifar10, Cifar100
from nnrun.data.descriptions import Descriptions
from nnrun.data.fashion import FashionMnist
from nnrun.data.idx_source import Idx
from nnrun.data.images import Images
from nnrun.data.imdb import Imdb
from nnrun.data.inline import Inline
from nnrun.data.mnist import Mnist
from nnrun.data.named_tables import Boston, California, Pima
from nnrun.data.named_texts import Metamorphosis, Shakespeare
from nnrun.data.openml import OpenMl
from nnrun.data.parquet import Parquet
from nnrun.data.repeats import Repeats
from nnrun.data.tables import Csv
from nnrun.data.text import Text

SOURCES: dict[str, type] = {
    "mnist": Mnist,
    "fashion_mnist": FashionMnist,
    "cifar10": Cifar10,
    "cifar100": Cifar100,
    "digits": Digits,
    "pima": Pima,
    "boston": Boston,
    "california": California,
    "iris": Iris,
    "wine": Wine,
    "breast_cancer": BreastCancer,
    "diabetes": Diabetes,
    "imdb": Imdb,
    "shakespeare": Shakespeare,
    "metamorphosis": Metamorphosis,
    "repeats": Repeats,
    "descriptions": Descriptions,
    "csv": Csv,
    "parquet": Parquet,
    "openml": OpenMl,
    "npz": Npz,
    "idx": Idx,
    "images": Images,
    "text": Text,
    "sklearn": Sklearn,
    "inline": Inline,
}
