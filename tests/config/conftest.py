"""What the tests of the language share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from nnrun.config import parser as config_parser
from nnrun.config.document import Document, parse
from nnrun.errors import ConfigError, Mark, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def refused() -> Callable[[str], tuple[Problem, ...]]:
    """The problems of a text that must be refused."""

    def problems(text: str) -> tuple[Problem, ...]:
        with pytest.raises(ConfigError) as caught:
            parse(text, "x.yaml")
        return caught.value.problems

    return problems


@pytest.fixture(scope="session")
def word() -> Callable[[Mark], str]:
    """The characters that a mark points at."""

    def marked(mark: Mark) -> str:
        return mark.text[mark.column - 1 : mark.column - 1 + mark.length]

    return marked


@pytest.fixture
def document() -> Document:
    """A small experiment in which every kind of path occurs."""
    return parse(
        """\
name: small
model:
  - Conv2D: {filters: 32, kernel_size: [3, 3]}
  - Flatten
  - Dropout: 0.2
  - Dense:
      units: 10
training:
  optimizer: Adam
  epochs: 10
  metrics: [accuracy, mse]
expect:
  test.error_percent: {value: 1.1, within: 0.3}
""",
        "x.yaml",
    )


@pytest.fixture(params=["libyaml", "python"], scope="module")
def parser(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each of PyYAML's two parsers in turn: wheels bring libyaml, other builds may not."""
    if request.param == "libyaml" and not yaml.__with_libyaml__:
        pytest.skip("this PyYAML was built without libyaml")
    loader = yaml.CSafeLoader if request.param == "libyaml" else yaml.SafeLoader
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config_parser, "YamlLoader", loader)
        yield request.param
