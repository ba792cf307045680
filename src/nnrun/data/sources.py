"""All sources of examples by the name that a config says."""

from __future__ import annotations

from nnrun.data.arrays import Npz
from nnrun.data.bundled import BreastCancer, Diabetes, Digits, Iris, Wine
from nnrun.data.bundled_tables import Sklearn
from nnrun.data.descriptions import Descriptions
from nnrun.data.inline import Inline
from nnrun.data.mnist import Mnist
from nnrun.data.repeats import Repeats
from nnrun.data.tables import Csv
from nnrun.data.text import Text

SOURCES: dict[str, type] = {
    "mnist": Mnist,
    "digits": Digits,
    "iris": Iris,
    "wine": Wine,
    "breast_cancer": BreastCancer,
    "diabetes": Diabetes,
    "repeats": Repeats,
    "descriptions": Descriptions,
    "csv": Csv,
    "npz": Npz,
    "text": Text,
    "sklearn": Sklearn,
    "inline": Inline,
}
