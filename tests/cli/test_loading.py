"""Loading: a command loads what it needs, and the help page nearly nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.main import get_command, get_group

from newsletter.cli.app import app
from newsletter.cli.commands import HOMES, SECTIONS

HEAVY = {
    "aiohttp", "alembic", "anthropic", "apscheduler", "fastapi", "feedparser", "jinja2", "mjml",
    "nh3", "numpy", "openai", "procrastinate", "psycopg", "rich", "scipy", "sendgrid", "starlette",
    "structlog", "trafilatura", "uvicorn",
}  # fmt: skip
HELP_NEEDS_NONE_OF = HEAVY | {"sqlalchemy", "newsletter.config", "newsletter.model"}


def loaded_by(*words: str) -> set[str]:
    """The modules that a command loads, of those that are worth avoiding."""
    program = (
        "import sys\n"
        f"sys.argv = {['newsletter', *words]!r}\n"
        "import newsletter.__main__ as program\n"
        "try:\n    program.main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print('\\n' + ' '.join(sys.modules))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return set(ended.stdout.splitlines()[-1].split())


def test_help_loads_neither_configuration_nor_database() -> None:
    """The help page loads no configuration, no model, no database and no library of a stage."""
    assert not loaded_by("--help") & HELP_NEEDS_NONE_OF


def test_status_loads_only_what_it_looks_at(tmp_path: Path) -> None:
    """``status`` loads no web server, no renderer, no numbers, no provider and no arrow."""
    loaded_by("init", str(tmp_path / "place"))
    config = str(tmp_path / "place" / "config.toml")
    loaded_by("--config", config, "status")  # the first one makes the tables
    loaded = loaded_by("--config", config, "status")
    assert "newsletter.operations.status" in loaded
    assert not loaded & (HEAVY | {"newsletter.pipeline", "newsletter.web", "newsletter.schedule"})


@pytest.mark.parametrize("module", sorted(set(HOMES.values())))
def test_every_command_of_a_module_is_in_the_table(module: str) -> None:
    """What a module registers is what the table says about it: no command is out of reach."""
    part = typer.Typer()
    import_module(f"newsletter.cli.{module}").register(part)
    part.callback()(lambda: None)
    assert set(get_group(part).commands) == {name for name in HOMES if HOMES[name] == module}


def test_every_command_has_a_line_that_fits() -> None:
    """The help page's lines are whole sentences of one line in a terminal of 80 columns."""
    width = max(map(len, HOMES))
    for section in SECTIONS.values():
        for name, (_, says) in section.items():
            assert says.endswith("."), name
            assert width + 4 + len(says) <= 78, name


def test_a_mistyped_command_gets_the_names_that_are_near(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """``newsletter statu`` ends with 2 and asks whether "status" was meant."""
    with pytest.raises(SystemExit) as ended:
        get_command(app).main(["statu"])
    assert ended.value.code == 2
    assert "Did you mean 'status'?" in capsys.readouterr().err
