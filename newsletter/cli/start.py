"""``init`` and ``check``: a new place to work, and whether all is well with it."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli.place import Json, count, place, say, show_json
from newsletter.config import CONFIG_FILE, Config, load, override, starter
from newsletter.editors.passwords import has_leaked
from newsletter.errors import ConfigError, NewsletterError
from newsletter.newsroom import open_newsroom

_ASSIGNMENT = re.compile(r"^(?P<key>[A-Za-z_]+)(?P<space>\s*=\s*)(?P<rest>.*)$")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(init)
    app.command()(check)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    sources: Annotated[
        Path | None, typer.Option(help="A file with [[source]] tables to use as the sources.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Put a value into config.toml."),
    ] = None,
) -> None:
    """Make a new place to work: config.toml, templates, subscribers, data."""
    if (folder / CONFIG_FILE).exists():
        raise ConfigError(
            str(folder / CONFIG_FILE), "is there already", hint="Choose another folder."
        )
    if sources is not None and not sources.is_file():
        raise ConfigError(str(sources), "there is no such sources file")
    wanted = list(set_ or [])
    text = (starter() / CONFIG_FILE).read_text("utf-8")
    if sources is not None:
        wanted.append('collect.sources=["sources.toml"]')
    for word in wanted:
        text = _with_value(text, word)
    try:
        (folder / "data").mkdir(parents=True, exist_ok=True)
        for name in ("templates", "subscribers"):
            shutil.copytree(starter() / name, folder / name, dirs_exist_ok=True)
        if sources is not None:
            shutil.copyfile(sources, folder / "sources.toml")
        (folder / CONFIG_FILE).write_text(text, "utf-8")
        # Readers' addresses and licensed ratings; whatever stands there already is the operator's.
        if not (folder / ".gitignore").exists():
            (folder / ".gitignore").write_text("data/\noutbox/\n", "utf-8")
    except OSError as error:
        raise ConfigError(
            str(folder), f"cannot be written: {error.strerror}", hint="Choose another folder."
        ) from None
    try:
        config = load(folder / CONFIG_FILE)
    except ConfigError:
        # Nothing half-made stays behind to be taken for a working place.
        (folder / CONFIG_FILE).unlink()
        raise
    say(f"Made {folder}: config.toml, templates/, subscribers/, data/.")
    say(f"  {count(len(config.sources), 'outlet')} to collect from.")
    say("Next:")
    if folder.resolve() != Path.cwd():
        say(f"  cd {folder}")
    say("  newsletter today --sample --approve --send   a whole day, invented, mailing nobody")
    say("  newsletter subscribers import FILE.csv       the people who read")
    say("  newsletter today                             the real day, as a draft")


def check(
    context: typer.Context,
    online: Annotated[
        bool, typer.Option("--online", help="Also try the API key or the mail server.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look at configuration, segments, templates and database."""
    config = place(context).config()
    found = [("configuration", "ok", f"{config.file}, {count(len(config.sources), 'outlet')}")]
    for name, look in (
        ("database", _check_database),
        ("segments", _check_segments),
        ("templates", _check_templates),
        ("outbox", _check_outbox),
        ("desk", _check_desk),
        ("transport", _check_online if online else _check_transport),
    ):
        try:
            found.append((name, "ok", look(config)))
        except NewsletterError as error:
            found.append((name, "fail", f"{error}. {error.hint}".strip()))
    if as_json:
        show_json([dict(zip(("what", "state", "says"), line, strict=True)) for line in found])
    else:
        for name, state, text in found:
            say(f"{state:<5} {name:<14} {text}")
    if any(state == "fail" for _, state, _ in found):
        raise typer.Exit(1)


def _check_database(config: Config) -> str:
    room = open_newsroom(config)
    try:
        return f"{count(room.articles.count(), 'article')}, {config.database.url}"
    finally:
        room.close()


def _check_segments(config: Config) -> str:
    room = open_newsroom(config)
    try:
        for segment in config.segments.values():
            room.readers.count_segment(segment)
    finally:
        room.close()
    return count(len(config.segments), "segment")


def _check_templates(config: Config) -> str:
    room = open_newsroom(config)
    try:
        number = room.renderer.templates.check()
        own = config.path(config.paths.templates)
        where = config.paths.templates if room.templates == own else str(room.templates)
    finally:
        room.close()
    return f"{count(number, 'template')} in {where}/"


def _check_outbox(config: Config) -> str:
    folder = config.path(config.paths.outbox)
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(nearest, os.W_OK):
        raise ConfigError(str(nearest), "cannot be written", hint="Choose another [paths] outbox.")
    return str(folder)


def _check_desk(config: Config) -> str:
    room = open_newsroom(config)
    try:
        provider = room.sign_on
    finally:
        room.close()
    if config.breached_passwords is not None:
        has_leaked("", config.breached_passwords)
    return f"passwords{f', and {config.desk.oidc.issuer}' if provider else ''}"


def _check_transport(config: Config) -> str:
    room = open_newsroom(config)
    try:
        transport = room.transport()
        transport.close()
    finally:
        room.close()
    return f"{config.delivery.transport}, from {config.delivery.from_email}"


def _check_online(config: Config) -> str:
    room = open_newsroom(config)
    try:
        transport = room.transport()
        try:
            return f"{config.delivery.transport}: {transport.check()}"
        finally:
            transport.close()
    finally:
        room.close()


def _with_value(text: str, word: str) -> str:
    """Put a ``section.key=value`` into the reference file, keeping its sentences."""
    wanted: dict[str, object] = {}
    override(wanted, word)
    name, _, _ = word.partition("=")
    *tables, key = [part.strip() for part in name.split(".")]
    header = f"[{'.'.join(tables)}]"
    value: object = wanted
    for part in (*tables, key):
        value = value[part] if isinstance(value, dict) else value
    lines = text.splitlines(keepends=True)
    inside = False
    last = None
    for number, line in enumerate(lines):
        if line.startswith("["):
            inside = line.strip() == header
        elif inside:
            match = _ASSIGNMENT.match(line)
            if match:
                last = number
            if match and match["key"] == key:
                _, comment = _split_comment(match["rest"])
                lines[number] = f"{key}{match['space']}{toml_value(value)}{comment}\n"
                return "".join(lines)
    new = f"{key} = {toml_value(value)}\n"
    if last is not None:
        # Not a key of the reference: the check that follows names it and the nearest known one.
        lines.insert(last + 1, new)
        return "".join(lines)
    return f"{text}\n{header}\n{new}"


def _split_comment(rest: str) -> tuple[str, str]:
    """Part ``value  # comment`` at the first mark that leaves a readable value before it."""
    for match in re.finditer(r"\s+#", rest):
        try:
            tomllib.loads(f"value = {rest[: match.start()]}")
        except tomllib.TOMLDecodeError:
            continue
        return rest[: match.start()], rest[match.start() :].rstrip("\n")
    return rest, ""


def toml_value(value: object) -> str:
    """Write a value as TOML."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            return f'"{escaped}"'
        case list():
            return "[" + ", ".join(toml_value(item) for item in value) + "]"
        case dict():
            return (
                "{" + ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items()) + "}"
            )
        case _:
            return str(value)
