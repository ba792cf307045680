"""The section `distribution:`: how one model is trained on several devices."""

from __future__ import annotations

from dataclasses import dataclass

from nnrun.catalog.kinds import Integer
from nnrun.spec.section import Section, key


@dataclass(frozen=True)
class DistributionSpec(Section):
    """One model on several devices, of one process or of those that `nnrun launch` starts.

    Attributes:
        data_parallel: The number of devices that each batch is divided over; every device has all weights.
    """

    data_parallel: int = key(Integer(2))
