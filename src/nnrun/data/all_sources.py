"""All sources of examples by the name that a config says."""

from __future__ import annotations

from nnrun.data.named.pictures import Cifar10, Cifar100, FashionMnist, Mnist
from nnrun.data.named.reviews import Imdb
from nnrun.data.named.tables import Boston, BreastCancer, California, Diabetes, Digits, Iris, Pima, Wine
from nnrun.data.named.texts import Metamorphosis, Shakespeare
from nnrun.data.sources.csv import Csv
from nnrun.data.sources.idx import Idx
from nnrun.data.sources.images import Images
from nnrun.data.sources.inline import Inline
from nnrun.data.sources.npz import Npz
from nnrun.data.sources.openml import OpenMl
from nnrun.data.sources.parquet import Parquet
from nnrun.data.sources.repeats import Repeats
from nnrun.data.sources.sklearn import Sklearn
from nnrun.data.sources.text import Descriptions, Text

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
