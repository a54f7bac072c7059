"""The configuration: every key is written down, and nothing unknown is let through."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from newsletter.config import EditionSettings, _File, load, starter
from newsletter.errors import ConfigError
from newsletter.model import Lean

REFERENCE = Path(__file__).resolve().parent.parent / "config.toml"


def keys(model: type[BaseModel], prefix: str = "") -> dict[str, Any]:
    """All keys of the configuration model with their default values."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if name == "source":
            continue
        if name == "editions":
            found |= keys(EditionSettings, "editions.daily.")
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= keys(field.annotation, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = field.default
    return found


def written(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """All keys of a parsed file."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= written(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def place(folder: Path, text: str, segments: str = "") -> Path:
    """A configuration in a folder of its own."""
    file = folder / "config.toml"
    file.write_text(text)
    (folder / "subscribers").mkdir(exist_ok=True)
    if segments:
        (folder / "subscribers" / "segments.toml").write_text(segments)
    return file


def test_reference_holds_every_key_and_no_other() -> None:
    """config.toml names every key the program knows, and only those."""
    assert set(written(tomllib.loads(REFERENCE.read_text()))) == set(keys(_File))


def test_reference_shows_the_defaults() -> None:
    """The values in config.toml are the defaults, so deleting a line changes nothing."""
    assert _File.model_validate(tomllib.loads(REFERENCE.read_text())) == _File()


def test_every_key_has_a_sentence() -> None:
    """Each key of config.toml is explained on its own line."""
    lines = [line for line in REFERENCE.read_text().splitlines() if re.match(r"\w+ = ", line)]
    assert len(lines) == len(keys(_File))
    for line in lines:
        assert re.search(r"#\s+\S.*[.,:;]\s*", line), line


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[delivery]\ntransprt = 'folder'", 'unknown key "delivery.transprt"; did you mean "transport"?'),
        ("[delivery.smtp]\nprot = 25", 'unknown key "delivery.smtp.prot"; did you mean "port"?'),
        ("[editions.daily]\nsendat = '06:00'", 'unknown key "editions.daily.sendat"; did you mean "send_at"?'),
        ("[stries]\nx = 1", 'unknown key "stries"; did you mean "stories"?'),
        ("[[source]]\nid = 'a'\nname = 'A'\nfed = 'x'", 'unknown key "source.0.fed"; did you mean "feed"?'),
        ("[editions.daily]\nzone = 'America/New_Yrok'", 'did you mean "America/New_York"?'),
        ("[editions.daily]\nsend_at = '6 am'", '"6 am" is not a time such as "06:30"'),
        ("[web]\nport = 'http'", 'the key "web.port" is wrong'),
        ("[delivery]\ntransport = 'pigeon'", 'the key "delivery.transport" is wrong'),
        ("[collect]\nsources = ['uss']", 'not a bundled catalogue; did you mean "us"?'),
        ("[collect]\nsources = ['mine.toml']", '"mine.toml", which is not there'),
        ("site = ", "is not valid TOML"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_file_and_key(
    tmp_path: Path, text: str, sentence: str
) -> None:
    """What is not understood is refused, naming the file, the key and the nearest known name."""
    file = place(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert str(tmp_path) in caught.value.subject
    assert sentence in str(caught.value)


def test_a_key_of_an_earlier_release_says_where_it_went(tmp_path: Path) -> None:
    """An upgraded program tells an operator what to do with a key it no longer has."""
    with pytest.raises(ConfigError) as caught:
        load(place(tmp_path, "[delivery]\ntesters = ['ann@example.org']"))
    assert "newsletter editors testers --add" in caught.value.hint


def test_an_empty_list_of_an_earlier_release_says_nothing(tmp_path: Path) -> None:
    """A file as "init" once wrote it starts: no tester was in it, so nothing is lost."""
    found = load(place(tmp_path, "[delivery]\ntesters = []\nbatch_size = 7"))
    assert found.delivery.batch_size == 7
    assert "testers" not in found.delivery.model_dump()


@pytest.mark.parametrize(
    ("segments", "sentence"),
    [
        ("[segments.uk]\ntitel = 'UK'", 'did you mean "title"?'),
        ("[segments.uk]\nedition = 'dayly'", 'did you mean "daily"?'),
        ("[segments.uk]\nwhere = [{field = 'contry', in = ['GB']}]", 'the key "segments.uk.where.0.field"'),
        ("[segments.uk]\nwhere = [{field = 'country'}]", "without exactly one of in, any, all, none"),
        ("[segments.uk]\nwhere = [{field = 'country', im = ['GB']}]", 'did you mean "in"?'),
    ],
)  # fmt: skip
def test_a_broken_segment_is_refused(tmp_path: Path, segments: str, sentence: str) -> None:
    """A segment rule that is not understood is refused before anybody is counted."""
    file = place(tmp_path, "[collect]\nsources = []", segments)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert "segments.toml" in caught.value.subject
    assert sentence in str(caught.value)


def test_overrides_hold_for_one_run(tmp_path: Path) -> None:
    """--set replaces single values, read as TOML or as plain words."""
    file = place(tmp_path, "[collect]\nsources = []\n[web]\nport = 1234")
    config = load(file, ["web.port=4321", "site.name=The Example", 'collect.allow_hosts=["a"]'])
    assert config.web.port == 4321
    assert config.site.name == "The Example"
    assert config.collect.allow_hosts == ("a",)
    assert load(file).web.port == 1234


@pytest.mark.parametrize("word", ["web.port", "port=1", "=1", "web.=1"])
def test_an_override_of_no_known_form_is_refused(tmp_path: Path, word: str) -> None:
    """An override must name a section and a key."""
    with pytest.raises(ConfigError, match=r"section\.key=value"):
        load(place(tmp_path, ""), [word])


def test_a_table_replaces_a_catalogue_entry(tmp_path: Path) -> None:
    """A [[source]] table wins over the catalogue's entry of the same id."""
    (tmp_path / "mine.toml").write_text(
        "[[source]]\nid='a'\nname='A'\nfeed='https://a.example/f'\nlean='left'\n"
        "[[source]]\nid='b'\nname='B'\nfeed='https://b.example/f'"
    )
    file = place(
        tmp_path,
        "[collect]\nsources=['mine.toml']\n[[source]]\nid='a'\nname='A2'\nlean='right'",
    )
    config = load(file)
    assert [(s.id, s.name, s.lean) for s in config.sources] == [
        ("a", "A2", Lean.RIGHT),
        ("b", "B", Lean.UNRATED),
    ]


def test_nothing_is_center_by_default(tmp_path: Path) -> None:
    """A source without a lean is unrated, and its family is its own id."""
    file = place(tmp_path, "[collect]\nsources=[]\n[[source]]\nid='a'\nname='A'")
    outlet = load(file).sources[0].outlet
    assert outlet.lean is Lean.UNRATED
    assert outlet.lean.side is None
    assert outlet.family == "a"


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """The same configuration works from any working directory."""
    config = load(place(tmp_path, "[collect]\nsources=[]"))
    assert config.path("templates") == tmp_path / "templates"
    assert config.database_url == f"sqlite:///{tmp_path}/data/newsletter.sqlite"


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    """Without a configuration the hint names the command that makes one."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.toml")
    assert "newsletter init" in caught.value.hint


def test_the_bundled_catalogue_and_starter_files_are_there(tmp_path: Path) -> None:
    """What init lays out and the default catalogue are found, and the catalogue is valid."""
    assert (starter() / "config.toml").is_file()
    config = load(place(tmp_path, ""))
    assert len(config.sources) > 20
    assert {source.lean for source in config.sources} >= set(Lean) - {Lean.UNRATED}
    assert all(source.provenance for source in config.sources)
