"""All data sources by the name that a config gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnrun.data.named.csv_sets import AirlinePassengers, Insurance, SmsSpam, Sonar
from nnrun.data.named.pictures import Cifar10, Cifar100, FashionMnist, Mnist
from nnrun.data.named.sklearn_sets import BreastCancer, Diabetes, Digits, Iris, Sklearn, Wine
from nnrun.data.named.tables import Boston, California, Pima
from nnrun.data.named.texts import Imdb, Metamorphosis, Shakespeare
from nnrun.data.prepare.user_code import is_user_part
from nnrun.data.sources.audio import Audio
from nnrun.data.sources.beats import Beats
from nnrun.data.sources.csv import Csv
from nnrun.data.sources.dates import Dates
from nnrun.data.sources.energy import Energy
from nnrun.data.sources.flats import Flats
from nnrun.data.sources.idx import Idx
from nnrun.data.sources.images import Images
from nnrun.data.sources.inline import Inline
from nnrun.data.sources.npz import Npz
from nnrun.data.sources.openml import OpenMl
from nnrun.data.sources.orders import Orders
from nnrun.data.sources.parquet import Parquet
from nnrun.data.sources.people import People
from nnrun.data.sources.repeats import Repeats
from nnrun.data.sources.reviews import Reviews
from nnrun.data.sources.shapes import Shapes
from nnrun.data.sources.spoken_digits import SpokenDigits
from nnrun.data.sources.text import Descriptions, Text
from nnrun.data.sources.texts import Texts
from nnrun.data.sources.user_code import UserSource

if TYPE_CHECKING:
    from nnrun.data.dataset import Source
    from nnrun.spec.part import Part

SOURCES: dict[str, type] = {
    "mnist": Mnist,
    "fashion_mnist": FashionMnist,
    "cifar10": Cifar10,
    "cifar100": Cifar100,
    "digits": Digits,
    "pima": Pima,
    "boston": Boston,
    "california": California,
    "insurance": Insurance,
    "sonar": Sonar,
    "sms_spam": SmsSpam,
    "airline_passengers": AirlinePassengers,
    "iris": Iris,
    "wine": Wine,
    "breast_cancer": BreastCancer,
    "diabetes": Diabetes,
    "imdb": Imdb,
    "shakespeare": Shakespeare,
    "metamorphosis": Metamorphosis,
    "repeats": Repeats,
    "spoken_digits": SpokenDigits,
    "descriptions": Descriptions,
    "csv": Csv,
    "parquet": Parquet,
    "openml": OpenMl,
    "npz": Npz,
    "idx": Idx,
    "images": Images,
    "audio": Audio,
    "dates": Dates,
    "flats": Flats,
    "beats": Beats,
    "orders": Orders,
    "reviews": Reviews,
    "people": People,
    "energy": Energy,
    "shapes": Shapes,
    "text": Text,
    "texts": Texts,
    "sklearn": Sklearn,
    "inline": Inline,
}


def new_source(part: Part) -> Source:
    """Create the source, of nnrun or written by the user, that a config names.

    Raises:
        TypeError: An argument has no parameter.
        ValueError: Arguments contradict each other.
    """
    if is_user_part(part):
        return UserSource(part.name, part.arguments)
    source: Source = SOURCES[part.name](**part.arguments)
    return source
