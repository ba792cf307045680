"""All sources of examples by the name that a config says."""

from __future__ import annotations

from nnrun.data.arrays import Npz
from nnrun.data.bundled import BreastCancer, Diabetes, Digits, Iris, Wine
from nnrun.data.mnist import Mnist
from nnrun.data.tables import Csv

SOURCES: dict[str, type] = {
    "mnist": Mnist,
    "digits": Digits,
    "iris": Iris,
    "wine": Wine,
    "breast_cancer": BreastCancer,
    "diabetes": Diabetes,
    "csv": Csv,
    "npz": Npz,
}
