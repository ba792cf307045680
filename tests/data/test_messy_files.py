"""Ten tables as people have them: the lines of the hints, one after the other, until `check` is content."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from nnrun.config.document import parse
from nnrun.data.data_facts import infer_facts
from nnrun.data.load import load
from nnrun.spec.finding import Finding

#: Each table with the form in which the loss takes its target, and what the first row becomes with the hints' lines.
FILES: dict[str, tuple[str, str, list[float]]] = {
    "an accountant's": (
        'item,amount,share,total\nA,"($1,200.50)",11.2%,"78,697"\nB,"$3,400",4.8%,"86,972"\nA,$5,2.5%,"20,301"\n',
        "number",
        [1, 0, -1200.5, 0.112],
    ),
    "a German export": (
        "datum;preis;menge;umsatz\n31.12.2021 09:00;1.234,56 €;12 kg;1,5\n01.02.2022 10:30;5 €;3 kg;2,25\n",
        "number",
        [18992.375, 1234.56, 12],
    ),
    "a Swiss one": ("lohn,alter,y\n1'234.5,31,0.5\n2'000,45,1.5\n850,22,2.5\n3'100,50,4\n", "number", [1234.5, 31]),
    "a French one": ("prix;y\n1\u202f234,5;1\n2\u202f000;0\n12;1\n", "binary", [1234.5]),
    "a sheet of sales": (
        "month,region,sales,target\nJan-20,NA,5,1\nFeb-20,EU,n/a,0\nMar-20,NA,7,1\nApr-20,AS,8,0\n",
        "binary",
        [18262, 0, 0, 1, 5],
    ),
    "a survey": (
        "age,smoker,place,y\n<18,yes,1st,0\n18-25,no,2nd,1\n26-60,no,3rd,1\n60+,yes,1st,0\n",
        "binary",
        [0, 0, 1, 0],
    ),
    "a log": (
        "at,ms,code,y\n2021-01-05T09:00:00Z,12,007,1\n2021-01-06T09:00:00+01:00,15,010,0\n2021-01-07T00:00:00Z,9,007,1\n",
        "binary",
        [18632.375, 12, 1, 0],
    ),
    "a quarterly report": (
        'when,profit,y\nQ1 2020,"(1,200)",1\nQ2 2020,"3,400",0\nQ3 2020,"12",1\n',
        "binary",
        [18262, -1200],
    ),
    "a table with words": (
        "size,rent,y\n30,1.5,0\n45,unknown,1\n52,2.5,0\n61,2,1\n70,n.v.,0\n80,4,1\n",
        "binary",
        [30, 1.5],
    ),
    "a catalogue": (
        "day,width,height,y\n20210131,12 cm,5.5,0.5\n20210201,14 cm,6.5,1.5\n20210117,9 cm,7.5,2.5\n",
        "number",
        [18658, 12, 5.5],
    ),
}


def with_line(arguments: dict[str, Any], prepare: list, finding: Finding) -> None:
    """Write the lines of a hint where they belong."""
    hint = finding.hint or ""
    for line in re.findall("`(.*?)`", hint.partition("; else")[0]):
        found = parse(f"{{{line}}}", "hint").data if ": " in line else {}
        for key, value in found.items():
            if key in ("OneHotEncoder", "OrdinalEncoder", "SimpleImputer"):
                step = (key, value if isinstance(value, dict) else {"columns": value})
                prepare.insert(0 if key == "SimpleImputer" else len(prepare), step)
            elif key in ("types", "missing", "thousands", "decimal", "separator", "features"):
                arguments[key] = value
        # Of several lines, those that are joined by `and` go together; `or` is a choice.
        if found and re.search(re.escape(line) + "`[^`]*(?:, or|; if| or )", hint):
            return


@pytest.mark.parametrize("name", FILES)
def test_the_lines_of_the_hints_read_the_whole_file(paths, listener, spec, name: str) -> None:
    """With all lines written nothing is left to say, and the numbers are those that are meant."""
    text, form, first = FILES[name]
    (paths.config_dir / "t.csv").write_text(text, encoding="utf-8")
    arguments: dict[str, Any] = {"separator": ";"} if ";" in text else {}
    prepare: list[tuple[str, dict]] = []
    for _ in range(5):
        config = spec("csv", prepare=tuple(prepare), file="t.csv", **arguments)
        _, findings = infer_facts(config, form=form, paths=paths)
        if not findings:
            break
        with_line(arguments, prepare, findings[0])
    assert findings == ()
    x = load(config, form=form, seed=1, paths=paths, progress=listener).train.x
    np.testing.assert_allclose(x[0], first, rtol=1e-6)
