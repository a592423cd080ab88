"""What tokens cost: the user's own prices first, then the table that LiteLLM ships, never a guess.

An unknown price is None, which is not the same as free. The table is read from LiteLLM's data file without importing
LiteLLM (which takes seconds); without the ``litellm`` extra only the user's own prices are known. Prices are list
prices per call: discounts for cached input are not counted, so the result errs on the high side there.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from agent_framework.infrastructure.llm.base import OFFLINE, REPLAY, Price

_TABLE_FILE = "model_prices_and_context_window_backup.json"
_FREE = frozenset({OFFLINE, REPLAY})
_LONG_CONTEXT = 200_000
_BEDROCK_PREFIX = re.compile(
    r"^(?:converse/)?(?:arn:[^/]+/)?(?P<geo>(?:us-gov|us|eu|apac|global|au|jp|ca)\.)?(?P<id>.+)$"
)


def cost_usd(
    model: str, provider: str | None, input_tokens: int, output_tokens: int, prices: Mapping[str, Price] | None = None
) -> float | None:
    """US dollars for one call, or None if the model's price is unknown.

    Args:
        model: the model id; with ``provider`` None, ``provider/model`` as in `ModelSpec.full_name`.
        provider: provider name; ``offline`` and ``replay`` cost nothing.
        input_tokens: tokens sent.
        output_tokens: tokens received.
        prices: the user's own prices, by model id or ``provider/model``; they win over the table.
    """
    provider, model = _split(model, provider)
    price = _price(model, provider, input_tokens, prices or {})
    if price is None:
        return None
    return (input_tokens * price.input + output_tokens * price.output) / 1_000_000


def is_priced(model: str, provider: str | None = None, prices: Mapping[str, Price] | None = None) -> bool:
    """Whether `cost_usd` knows this model, so that a budget in dollars can be kept."""
    return cost_usd(model, provider, 1, 1, prices) is not None


def _split(model: str, provider: str | None) -> tuple[str, str]:
    if provider is not None:
        return provider, model
    head, slash, tail = model.partition("/")
    return (head, tail) if slash else (head, "")


def _price(model: str, provider: str, input_tokens: int, prices: Mapping[str, Price]) -> Price | None:
    if provider in _FREE:
        return Price(input=0.0, output=0.0)
    for name in (f"{provider}/{model}", model):
        if name in prices:
            return prices[name]
    for name in _table_names(model, provider):
        entry = _table().get(name)
        if entry is not None and _is_from(provider, entry):
            return _entry_price(entry, input_tokens)
    return None


def _table_names(model: str, provider: str) -> Iterator[str]:
    """The names under which LiteLLM may list a model, the closest first."""
    yield f"{provider}/{model}"
    yield model
    match = _BEDROCK_PREFIX.match(model) if provider == "bedrock" else None
    if match:
        yield f"{match['geo'] or ''}{match['id']}"
        yield match["id"]


def _is_from(provider: str, entry: Mapping[str, Any]) -> bool:
    """The same model id can be listed for several sellers; ``litellm`` names the seller within the id."""
    return provider == "litellm" or str(entry.get("litellm_provider", "")).startswith(provider)


def _entry_price(entry: Mapping[str, Any], input_tokens: int) -> Price | None:
    suffix = "_above_200k_tokens" if input_tokens > _LONG_CONTEXT else ""
    costs = [
        entry.get(f"{kind}_cost_per_token{suffix}", entry.get(f"{kind}_cost_per_token")) for kind in ("input", "output")
    ]
    if any(cost is None for cost in costs):
        return None
    return Price(input=float(costs[0]) * 1_000_000, output=float(costs[1]) * 1_000_000)


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    spec = find_spec("litellm")
    if spec is None or spec.origin is None:
        return {}
    path = Path(spec.origin).with_name(_TABLE_FILE)
    if not path.is_file():
        return {}
    return cast(dict[str, dict[str, Any]], json.loads(path.read_text(encoding="utf-8")))
