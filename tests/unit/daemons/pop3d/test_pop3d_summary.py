"""pop3_logout_format."""

from __future__ import annotations

import pytest

from pyfix.daemons.pop3d.summary import compile_format

VALUES = {letter: number for number, letter in enumerate("tprbdmsio")}


def test_variables_are_filled_in() -> None:
    assert compile_format("top=%t/%p {x} %{retr_count}/%b %%")(VALUES) == "top=0/1 {x} 2/3 %"


@pytest.mark.parametrize("text", ["%x", "%{nothing}", "100%", "%{top_count"])
def test_unknown_ones_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="unknown variable"):
        compile_format(text)
