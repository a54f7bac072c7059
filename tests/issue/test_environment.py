"""Templates: what they may reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.errors import TemplateError
from newsletter.issue.environment import Templates


@pytest.mark.parametrize("suffix", ["html", "txt"])
@pytest.mark.parametrize(
    "words",
    [
        '{{ "".__class__.__mro__[1].__subclasses__() }}',
        '{{ cycler.__init__.__globals__.os.environ["HOME"] }}',
        '{{ ("%s" | attr("format")).__globals__ }}',
        '{{ "{0.__class__.__mro__}".format(name) }}',
        "{{ names.append(1) }}",
    ],
)
def test_a_template_reaches_nothing_but_its_values(tmp_path: Path, words: str, suffix: str) -> None:
    """Not the program, not its environment, and no list can be changed."""
    (tmp_path / f"it.{suffix}").write_text(words)
    templates = Templates(tmp_path)
    fill_in = templates.markup if suffix == "html" else templates.text
    with pytest.raises(TemplateError):
        fill_in(f"it.{suffix}", {"name": "Ada", "names": []})
