"""Asking a language model through pydantic-ai; importing this needs the extra ``model``.

A model gets no tools and no secrets: one message of rules, one of data, and a schema for its
answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic_ai import Agent, PromptedOutput
from pydantic_ai.exceptions import AgentRunError, UserError
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.run import AgentRunResult
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RunUsage, UsageLimits

from newsletter.brief.drafts import Answer, Ask, Draft, NoAnswer
from newsletter.config import BriefModel
from newsletter.errors import BriefError

_ATTEMPTS = 2  # of one request: a second one after a network error or a broken answer


def connect(settings: BriefModel, secret: Callable[[str], str]) -> Ask:
    """Make a provider ready to be asked.

    :raises BriefError: when the name or the key is missing.
    """
    model = _model(settings, secret)
    agent = Agent(model, output_type=PromptedOutput(Draft), retries=_ATTEMPTS - 1)

    def ask(rules: str, data: str, candidate: int) -> Answer:
        chosen = ModelSettings(
            max_tokens=settings.answer_tokens,
            timeout=settings.timeout,
            temperature=0.0 if candidate == 0 else 0.6,
        )
        used = RunUsage()

        async def run() -> Draft:
            async with asyncio.timeout(settings.timeout):
                result: AgentRunResult[Draft] = await agent.run(
                    data,
                    instructions=rules,
                    model_settings=chosen,
                    usage_limits=UsageLimits(request_limit=_ATTEMPTS),
                    usage=used,
                )
            return result.output

        try:
            draft = asyncio.run(run())
        except TimeoutError:
            sentence = f"The model gave no answer within {settings.timeout:g} seconds."
            raise NoAnswer(sentence, used.input_tokens, used.output_tokens) from None
        except (AgentRunError, UserError) as error:
            sentence = f"The model gave no usable answer ({type(error).__name__})."
            raise NoAnswer(sentence, used.input_tokens, used.output_tokens) from None
        return Answer(draft, used.input_tokens, used.output_tokens)

    return ask


def _model(settings: BriefModel, secret: Callable[[str], str]) -> Model:
    """The pydantic-ai model that a name such as ``openai:gpt`` and an address stand for."""
    provider, _, name = settings.name.partition(":")
    key = secret(settings.api_key_env) if settings.api_key_env else ""
    if not name:
        raise BriefError(
            "[brief.model] name",
            f'is "{settings.name}", not a provider and a model',
            hint="For example openai:NAME, anthropic:NAME or ollama:NAME.",
        )
    if provider == "anthropic":
        client = AsyncAnthropic(
            api_key=_needed(key, settings), base_url=settings.base_url or None, max_retries=1
        )
        return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client))
    if provider in {"openai", "ollama"}:
        address = settings.base_url
        if provider == "ollama":
            address, key = address or "http://127.0.0.1:11434/v1", key or "none"
        elif address:
            key = key or "none"
        api = AsyncOpenAI(api_key=_needed(key, settings), base_url=address or None, max_retries=1)
        return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=api))
    raise BriefError(
        "[brief.model] name",
        f'names the unknown provider "{provider}"',
        hint="Known: openai, anthropic, ollama. A compatible server is openai with a base_url.",
    )


def _needed(key: str, settings: BriefModel) -> str:
    if not key:
        raise BriefError(
            "[brief.model] api_key_env",
            f'names "{settings.api_key_env}", which holds no key',
            hint="Set that environment variable, or use a local server with base_url.",
        )
    return key
