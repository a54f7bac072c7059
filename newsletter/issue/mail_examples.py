"""What the other mails look like, filled in with invented values: for previews and for tests.

Nobody here exists. A new mail needs its example, or ``newsletter preview --mail`` cannot show it;
a test compares the names with the folders of templates.
"""

from __future__ import annotations

from typing import Any

ISSUE_DAY = "18 March 2026"
HEADLINE = "Assembly keeps the island ferries running"


def mail_examples(base_url: str, edition: str) -> dict[str, dict[str, Any]]:
    """Example values of every mail by its name, with links under an address."""
    own = {"preferences_url": f"{base_url}/p/x7", "unsubscribe_url": f"{base_url}/u/x7"}
    return {
        "confirm": {"edition": edition, "confirm_url": f"{base_url}/confirm/x7"},
        "stay": {
            "since": "1 May 2026",
            "until": "6 December 2026",
            "stay_url": f"{base_url}/p/word-of-a-reader/stay",
            "preferences_url": f"{base_url}/p/word-of-a-reader",
            "unsubscribe_url": f"{base_url}/u/word-of-a-reader",
        },
        "welcome": {
            "edition": edition,
            "comes": "every day at 06:30",
            "latest_url": f"{base_url}/issues/2026-03-18",
            "latest_subject": HEADLINE,
            **own,
        },
        "goodbye": {"edition": edition},
        "preferences": own,
        "correction": {
            "day": ISSUE_DAY,
            "corrections": [
                {
                    "sentence": "We gave the wrong number of ferry lines.",
                    "before": "four ferry lines",
                    "after": "three ferry lines",
                    "headline": HEADLINE,
                    "url": f"{base_url}/stories/ferry-subsidy",
                }
            ],
        },
        "invite": {
            "role": "editor",
            "link": f"{base_url}/desk/join/w0rd",
            "until": "2026-11-29 05:00 UTC",
            "reset": "",
        },
        "reminder": {
            "edition": edition,
            "day": ISSUE_DAY,
            "deadline": "06:30",
            "desk_url": f"{base_url}/desk",
            "headlines": [HEADLINE, "State drops the test"],
            "findings": ["The subject has 24 characters; 30 to 60 are shown whole."],
        },
        "alert": {
            "what": "The daily issue has not gone out",
            "at": f"{ISSUE_DAY}, 08:00 EDT",
            "hint": "Approve it on the desk or cancel it.",
            "facts": [("State", "draft"), ("Readers waiting", "12,204")],
            "desk_url": f"{base_url}/desk",
        },
    }
