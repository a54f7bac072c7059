"""The model writer against a local server that speaks the providers' real protocols."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from newsletter.brief import extract, gates, wording
from newsletter.brief.compose_with_model import Budget, ModelWriter
from newsletter.brief.drafts import connect
from newsletter.config import BriefModel, BriefSettings
from newsletter.errors import BriefError
from newsletter.model import Article, Brief, Side
from tests.brief.stand_ins import OUTLETS, article, count, roads, story
from tests.conftest import SHARED

pytest.importorskip("pydantic_ai", reason="the extra for language models is not installed")

Pieces = list[dict[str, Any]]
Behaviour = Callable[[Pieces], str]


def said(text: str, *pieces: dict[str, Any]) -> dict[str, Any]:
    """One text of a draft."""
    return {"text": text, "evidence": [piece["id"] for piece in pieces]}


def honest(pieces: Pieces) -> str:
    """A draft that says nothing but what its evidence says."""

    def first(word: str, side: str = "") -> dict[str, Any]:
        return next(p for p in pieces if word in p["sentence"] and side in {"", p["side"]})

    vote, debt = first("31 to 18", "center"), first("two thirds")
    bus, levy = first("A child on that bus"), first("never cross")
    return json.dumps(
        {
            "headline": said(
                "Tamarack Senate passes $6.2 billion roads bill", first("$6.2", "center")
            ),
            "deck": said("The vote was 31 to 18, and much of the money is borrowed.", vote, debt),
            "overview": [
                said(
                    "The vote was 31 to 18, with two senators of the Freehold Party in favor.", vote
                ),
                said(
                    "Nearly two thirds would be borrowed, the Legislative Budget Office said.", debt
                ),
            ],
            "left": [
                said("A child on that bus “loses forty minutes a day,” said Lucia Ferrant.", bus)
            ],
            "center": [said("The vote was 31 to 18 in the Senate.", vote)],
            "right": [
                said("Rural drivers “will pay for bridges that they will never cross.”", levy)
            ],
        }
    )


def lying(pieces: Pieces) -> str:
    """A draft with an invented sum, name and half of a quotation."""
    draft = json.loads(honest(pieces))
    draft["headline"]["text"] = "Governor Ada Lovelace signs $9 billion roads bill"
    draft["deck"]["text"] = "The vote was 31 to 18, a stunning defeat for the Freehold Party."
    draft["overview"][0]["text"] = "The vote was 41 to 8, with two senators in favor."
    draft["left"][0]["text"] = "“A child on that bus loses an hour,” said Lucia Ferrant."
    draft["center"][0]["evidence"] = ["e99"]
    draft["right"][0]["evidence"] = draft["left"][0]["evidence"]
    return json.dumps(draft)


def malformed(pieces: Pieces) -> str:
    """Half of an answer."""
    return honest(pieces)[:80]


def shapeless(pieces: Pieces) -> str:
    """JSON of another shape."""
    return json.dumps({"summary": [1, 2, len(pieces)]})


def refusing(pieces: Pieces) -> str:
    """A refusal in prose."""
    return f"I cannot help with these {len(pieces)} sentences."


def slow(pieces: Pieces) -> str:
    """A good answer that comes too late."""
    time.sleep(1.5)
    return honest(pieces)


def failing(pieces: Pieces) -> str:
    """A server error."""
    raise ValueError(len(pieces))


@dataclass
class Server:
    """A model server on this machine that speaks both protocols and counts its requests."""

    behaviour: Behaviour = honest
    requests: list[dict[str, Any]] = field(default_factory=list)
    address: str = ""

    def answer(self, path: str, request: dict[str, Any]) -> dict[str, Any]:
        """One answer in the protocol of the path."""
        self.requests.append(request)
        text = self.behaviour(_pieces_of(request))
        if path.endswith("/messages"):
            return {
                "id": "msg_1", "type": "message", "role": "assistant", "model": request["model"],
                "content": [{"type": "text", "text": text}], "stop_reason": "end_turn",
                "stop_sequence": None, "usage": {"input_tokens": 900, "output_tokens": 300},
            }  # fmt: skip
        message = {"role": "assistant", "content": text}
        return {
            "id": "chat-1", "object": "chat.completion", "created": 1, "model": request["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 900, "completion_tokens": 300, "total_tokens": 1200},
        }  # fmt: skip


def _pieces_of(request: dict[str, Any]) -> Pieces:
    """The evidence in the first message of a request that is a JSON list."""
    for message in request["messages"]:
        content = message["content"]
        parts = content if isinstance(content, list) else [{"text": content}]
        for part in parts:
            if str(part.get("text", "")).startswith("[{"):
                found: Pieces = json.loads(part["text"])
                return found
    raise AssertionError("the request holds no evidence")


@pytest.fixture
def server() -> Iterator[Server]:
    """The server, listening on a free port for one test."""
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            try:
                status, answer = 200, made.answer(self.path, json.loads(body))
            except ValueError:
                status, answer = 500, {"error": {"message": "broken", "type": "server_error"}}
            data = json.dumps(answer).encode()
            try:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                return  # the client did not wait

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            del format, args

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.address = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield made
    http.shutdown()
    thread.join()
    http.server_close()


class Shelf(dict[str, str]):
    """A cache in memory."""

    def put(self, key: str, answer: str) -> None:
        """Keep an answer."""
        self[key] = answer


def writer(server: Server, shelf: Shelf | None = None, **changes: Any) -> ModelWriter:
    """A writer that asks the server."""
    values: dict[str, Any] = {
        "name": "openai:local", "base_url": f"{server.address}/v1", "timeout": 10, "candidates": 1,
    }  # fmt: skip
    settings = BriefModel(**values | changes)
    ask = connect(settings, lambda name: "key" if name == "KEY" else "")
    return ModelWriter(ask, settings, shelf if shelf is not None else Shelf(), Budget(settings))


def written(by: ModelWriter, articles: list[Article] | None = None) -> Brief:
    """The brief of the invented story, or of other articles."""
    made = articles or roads()
    return by.write(story(made), made, OUTLETS, count(made, OUTLETS), BriefSettings())


def plain(articles: list[Article] | None = None) -> Brief:
    """The extract brief of the same articles."""
    made = articles or roads()
    return extract.write(story(made), made, OUTLETS, count(made, OUTLETS), BriefSettings())


@pytest.mark.parametrize(
    ("name", "path"), [("openai:local", "/v1"), ("anthropic:local", ""), ("ollama:local", "/v1")]
)
def test_an_honest_model_is_printed(server: Server, name: str, path: str) -> None:
    """Over each protocol, a draft that keeps to its evidence becomes the brief."""
    by = writer(server, name=name, base_url=server.address + path, api_key_env="KEY")
    brief = written(by)
    assert brief.writer.startswith(f"model {name} prompt ")
    assert brief.headline == "Tamarack Senate passes $6.2 billion roads bill"
    assert [s.citations for s in brief.overview] == [("a-mid",), ("a-stone",)]
    assert brief.left.bullets[0].quotes == ("loses forty minutes a day,",)
    assert brief.left.bullets[0].evidence[0].speaker == "Senator Lucia Ferrant"
    assert gates.check(brief, roads(), OUTLETS) == ()
    assert by.budget.tokens == 1200
    assert "tools" not in server.requests[0]


@pytest.mark.parametrize("behaviour", [malformed, shapeless, refusing, slow, failing])
def test_a_useless_answer_leaves_the_extract(server: Server, behaviour: Behaviour) -> None:
    """Broken, shapeless, refused, late and failed answers cost nothing but a line for the desk."""
    server.behaviour = behaviour
    brief = written(writer(server, timeout=0.5 if behaviour is slow else 10))
    assert brief.writer == "extract"
    assert (brief.headline, brief.overview) == (plain().headline, plain().overview)
    assert [f.gate for f in brief.findings] == ["answer"]


@pytest.mark.parametrize(
    ("name", "path"), [("openai:local", "/v1"), ("anthropic:local", ""), ("ollama:local", "/v1")]
)
def test_a_lying_model_is_not_printed(server: Server, name: str, path: str) -> None:
    """Invented sums, names, quotations and borrowed evidence are replaced, with the reasons kept."""
    server.behaviour = lying
    brief = written(writer(server, name=name, base_url=server.address + path, api_key_env="KEY"))
    base = plain()
    assert (brief.headline, brief.deck, brief.overview) == (base.headline, base.deck, base.overview)
    assert (brief.left, brief.center, brief.right) == (base.left, base.center, base.right)
    assert {f.block for f in brief.findings} >= {"headline", "deck", "overview 1", "left 1"}


def test_a_second_draft_fills_the_gaps(server: Server) -> None:
    """A block that fails in one draft is taken from the next one."""
    drafts = iter([lying, honest])

    def in_turn(pieces: Pieces) -> str:
        return next(drafts)(pieces)

    server.behaviour = in_turn
    brief = written(writer(server, candidates=2))
    assert brief.headline == "Tamarack Senate passes $6.2 billion roads bill"
    assert len(brief.left.bullets) == len(brief.right.bullets) == 1


def test_the_cache_is_gated_again(server: Server) -> None:
    """A kept answer saves the request, and an evil one in the cache harms nobody."""
    shelf = Shelf()
    first = written(writer(server, shelf))
    again = written(writer(server, shelf))
    assert again == first
    assert len(server.requests) == 1
    (key,) = shelf
    draft = json.loads(shelf[key])
    draft["headline"]["text"] = "Governor Ada Lovelace steals $9 billion"
    shelf[key] = json.dumps(draft)
    assert written(writer(server, shelf)).headline == plain().headline
    shelf[key] = "no JSON"
    assert written(writer(server, shelf)) == first
    assert len(server.requests) == 2


def test_the_ceiling_holds(server: Server) -> None:
    """When tokens or dollars of an issue are spent, no model is asked and extract writes."""
    for ceiling in ({"issue_tokens": 1000}, {"issue_dollars": 0.0, "dollars_per_million_out": 5.0}):
        brief = written(writer(server, **ceiling))
        assert brief.writer == "extract"
        assert [f.gate for f in brief.findings] == ["budget"]
    assert server.requests == []
    by = writer(server, issue_dollars=0.2, dollars_per_million_in=100, dollars_per_million_out=100)
    written(by)
    assert by.budget.dollars == pytest.approx(0.12)
    assert not by.budget.left


def test_missing_names_and_keys_are_stated() -> None:
    """A name without provider, an unknown provider and a missing key say what to set."""
    for bad in ("gpt", "nobody:gpt", "openai:gpt"):
        with pytest.raises(BriefError):
            connect(BriefModel(name=bad, api_key_env="NOT_SET"), lambda name: "")


def test_orders_hidden_in_articles_reach_nobody(server: Server) -> None:
    """With a model that obeys, nothing of an attack string gets into a brief."""
    folder = SHARED / "data" / "security" / "prompt"
    if not folder.is_dir():
        pytest.skip("the attack strings are not on this machine")
    attacks = [
        a
        for kind in json.loads((folder / "bipia-train.json").read_text("utf-8")).values()
        for a in kind
    ]
    blocks = (folder / "prompt-injection.md").read_text("utf-8").split("```")[1::2]
    lines = (line.strip() for block in blocks for line in block.splitlines()[1:])
    addressed = re.compile(r"\b(?:you|your|ignore|system|prompt|instructions?)\b", re.IGNORECASE)
    attacks += [line for line in lines if line.count(" ") >= 3 and addressed.search(line)]
    own = _rare(" ".join(f"{a.title} {a.text}" for a in roads()))
    for i in range(0, len(attacks), 15):
        group = attacks[i : i + 15]
        made = [
            article(
                a.id, a.outlet, group[n % len(group)] if n == 0 else a.title,
                f"{a.text} {' '.join(group[n::6])} Tamarack Senate roads bill. "
                f"{a.text.split('. ')[0]}.",
                hours=n,
            )
            for n, a in enumerate(roads())
        ]  # fmt: skip
        server.behaviour = lambda pieces, group=group: _obeying(pieces, group)  # type: ignore[misc]
        shown = _everything(written(writer(server), made))
        for attack in group:
            assert attack.rstrip(".?!") not in shown, attack
            assert not (_rare(attack) & _rare(shown)) - own


def _obeying(pieces: Pieces, group: list[str]) -> str:
    """A draft that puts the attack's words wherever there is room, others in each place."""
    texts = [said(group[n % len(group)], pieces[n % len(pieces)]) for n in range(15)]
    return json.dumps(
        {"headline": texts[0], "deck": texts[1], "overview": texts[2:6], "left": texts[6:9],
         "center": texts[9:12], "right": texts[12:15]}
    )  # fmt: skip


def _everything(brief: Brief) -> str:
    parts = [brief.headline, brief.deck, *(s.text for s in brief.overview)]
    parts += [b.text for side in Side for b in brief.of(side).bullets]
    return " ".join([*parts, *brief.only.values(), *(h or "" for h in brief.highlights.values())])


def _rare(text: str) -> set[str]:
    """The long words of a text: enough to know whose it is."""
    return {term for term in wording.terms(text) if len(term) > 6}
