"""Prices: the user's own, LiteLLM's table, and None where nobody knows."""

import pytest

from agent_framework.infrastructure.llm import Price, cost_usd, is_priced, pricing


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("openai", "gpt-4.1-mini", 0.40 + 1.60),
        ("anthropic", "claude-sonnet-4-5", 3 + 15),
        ("bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", 3 + 15),
        ("bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", 3.3 + 16.5),
        ("bedrock", "au.amazon.nova-lite-v1:0", 0.06 + 0.24),
        ("bedrock", "converse/us.amazon.nova-lite-v1:0", 0.06 + 0.24),
        ("bedrock", "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0", 0.078 + 0.312),
        ("litellm", "gemini/gemini-2.5-flash", 0.30 + 2.50),
    ],
)
def test_known_models_have_list_prices(provider: str, model: str, expected: float) -> None:
    thousand = cost_usd(model, provider, 100_000, 100_000)
    assert thousand is not None
    assert thousand * 10 == pytest.approx(expected)
    assert cost_usd(f"{provider}/{model}", None, 100_000, 100_000) == thousand
    assert is_priced(model, provider)


def test_long_inputs_cost_what_the_table_says_for_them() -> None:
    assert cost_usd("claude-sonnet-4-5", "anthropic", 300_000, 0) == pytest.approx(0.3 * 6)


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "nobody-knows"), ("my_pkg:factory", "gpt-4.1-mini"), ("anthropic", "gpt-4.1-mini"), ("bedrock", "x")],
)
def test_an_unknown_price_is_none_and_never_zero(provider: str, model: str) -> None:
    assert cost_usd(model, provider, 0, 0) is None
    assert not is_priced(model, provider)
    assert not is_priced(f"{provider}/{model}")


def test_the_users_prices_win_by_either_name() -> None:
    own = Price(input=1, output=10)
    assert cost_usd("gpt-4.1-mini", "openai", 1_000_000, 1_000_000, {"gpt-4.1-mini": own}) == 11
    assert cost_usd("gpt-4.1-mini", "openai", 1_000_000, 0, {"openai/gpt-4.1-mini": own}) == 1
    assert cost_usd("mine", "my_pkg:factory", 1_000_000, 0, {"mine": own}) == 1


def test_no_model_costs_nothing() -> None:
    assert cost_usd("offline", None, 5, 5) == 0.0
    assert cost_usd("anything", "replay", 5, 5) == 0.0


def test_without_litellm_only_the_users_prices_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    pricing._table.cache_clear()
    monkeypatch.setattr(pricing, "find_spec", lambda name: None)
    assert cost_usd("gpt-4.1-mini", "openai", 1, 1) is None
    assert cost_usd("gpt-4.1-mini", "openai", 1_000_000, 0, {"gpt-4.1-mini": Price(2, 3)}) == 2
    pricing._table.cache_clear()
