"""All sources of examples by the name that a config says."""

from __future__ import annotations

from nnrun.data.arrays import Npz
from nnrun.data.bundled import BreastCancer, Diabetes, Digits, Iris, Wine
from nnrun.data.bundled_tables import Sklearn
from nnrun.data.inline import Inline
from nnrun.data.mnist import Mnist
from nnrun.data.repeats import Repeats
from nnrun.data.tables import Csv

SOURCES: dict[str, type] = {
    "mnist": Mnist,
    "digits": Digits,
    "iris": Iris,
    "wine": Wine,
    "breast_cancer": BreastCancer,
    "diabetes": Diabetes,
    "repeats": Repeats,
    "csv": Csv,
    "npz": Npz,
    "sklearn": Sklearn,
    "inline": Inline,
}
