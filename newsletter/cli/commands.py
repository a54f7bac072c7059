"""Every command by name, where it stands, and the line about it on the help page.

A command's module is loaded when the command is asked for, so that ``newsletter status`` does not
wait for what only ``newsletter run`` needs. A new command is one more line here.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

FORM: dict[str, Any] = {
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
"""How every part of the command line looks."""

SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "To begin": {
        "init": ("start", "Make a new place to work."),
        "check": ("start", "Look at configuration, templates and database."),
        "doctor": ("doctor", "Look at everything that an issue needs."),
        "sources": ("sources", "The outlets that are read."),
    },
    "A day": {
        "today": ("flow", "Do the whole day in order."),
        "collect": ("flow", "Pull the feeds that are due."),
        "group": ("flow", "Group articles into stories."),
        "write": ("flow", "Write the leading stories from both sides."),
        "draft": ("flow", "Choose the stories and make a draft issue."),
        "preview": ("issues", "Write an issue as readers will get it."),
        "lint": ("issues", "Say what is wrong with an issue."),
        "approve": ("issues", "Approve exactly the bytes that will be sent."),
    },
    "Sending": {
        "send": ("sending", "Send an approved issue, or go on with it."),
        "pause": ("sending", "Hold a running send within one batch."),
        "resume": ("sending", "Let a paused issue go on."),
        "cancel": ("sending", "Stop an issue for good."),
        "deliveries": ("sending", "Who got an issue, who did not, and why."),
        "reconcile": ("sending", "Settle letters that may or may not have left."),
        "stop-all": ("stopping", "Let no letter of any issue leave."),
        "start-again": ("stopping", "Let letters leave again."),
        "pace": ("stopping", "How fast issues leave."),
        "bounces": ("stopping", "Take in mail that came back undeliverable."),
        "mail": ("mail", "Deliver the single mails that wait."),
    },
    "Stories": {
        "story": ("briefs", "Look into a story, and decide about it."),
        "correct": ("corrections", "Correct a story that readers have."),
        "corrections": ("corrections", "The corrections and their notices."),
        "reports": ("reports", "What readers say is wrong with a story."),
    },
    "People": {
        "subscribers": ("readers", "The people who read."),
        "segments": ("readers", "The parts an edition's readers fall into."),
        "editors": ("editors", "Who works on the editors' desk."),
        "api-tokens": ("api", "The programs that may ask the API."),
        "webhooks": ("api", "Where news of readers and issues is posted to."),
    },
    "Running it": {
        "status": ("status", "How everything stands."),
        "schedule": ("serve", "When each bell rings next."),
        "run": ("serve", "Ring the bells and serve the pages."),
        "web": ("serve", "Serve the pages alone."),
        "scheduler": ("serve", "Ring the bells alone."),
        "worker": ("machines", "Take jobs from PostgreSQL and run them."),
        "backup": ("backup", "Copy the database while it is in use."),
        "restore": ("backup", "Put a backup in the database's place."),
        "upgrade": ("machines", "Bring the tables up to date."),
        "templates": ("templates", "Templates that all machines share."),
        "migrate-to": ("machines", "Copy everything into another database."),
        "audit": ("audit", "Who did what."),
    },
    "Without a database": {
        "parse": ("lines", "Read a feed file, print its articles."),
        "brief": ("lines", "Write stories from both sides."),
    },
}

SERVICES = {"run", "web", "scheduler", "worker"}
"""Commands that stay up, and read their files again on SIGHUP."""

HOMES = {name: home for section in SECTIONS.values() for name, (home, _) in section.items()}


class _Loading(MutableMapping[str, Any]):
    """The commands, each made when it is asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            part = typer.Typer(**FORM)
            import_module(f"newsletter.cli.{HOMES[name]}").register(part)
            self._made |= get_group(part).commands
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(HOMES)

    def __len__(self) -> int:
        return len(HOMES)


class Commands(TyperGroup):
    """The group of all commands; it knows their names before it loads any of them."""

    def __init__(self, **form: Any):
        super().__init__(**form)
        self.commands = _Loading()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the group's own way
        """The names, in the order of the help page."""
        return list(HOMES)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as above
        """Write the help page's list from the table, by section."""
        width = max(map(len, HOMES))
        for title, section in SECTIONS.items():
            with formatter.section(title):
                rows = [(name.ljust(width), says) for name, (_, says) in section.items()]
                formatter.write_dl(rows)
