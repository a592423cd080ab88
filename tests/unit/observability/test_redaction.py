"""What is taken out of texts and data before they are written, and what is left alone."""

import json
import logging
import time

import pytest

from agent_framework.errors import AgentFrameworkError, ConfigError
from agent_framework.observability import redact_logs
from agent_framework.observability.redaction import (
    masked,
    redact,
    redacted_errors,
    remember,
    remember_environment,
    secret_variables,
)

VALUE = 'p&ss "wörd"\\7/'


def test_a_remembered_value_is_hidden_in_every_spelling() -> None:
    remember(VALUE)
    from urllib.parse import quote

    for spelling in (VALUE, quote(VALUE, safe=""), quote(VALUE), json.dumps(VALUE), repr(VALUE), json.dumps([VALUE])):
        assert "rd" not in redact(f"before {spelling} after").replace("before", "").replace("after", ""), spelling
    assert redact(f"x{VALUE}y") == "x[redacted]y"


def test_of_two_values_the_longer_one_is_hidden_whole() -> None:
    remember("abcdefgh-1", "abcdefgh-1-and-more")
    assert redact("abcdefgh-1-and-more abcdefgh-1") == "[redacted] [redacted]"


def test_the_lines_of_a_longer_secret_are_hidden_one_by_one() -> None:
    lines = ["-----BEGIN PRIVATE KEY-----", "MIIBVgIBADANBgkqhkiG9w0BAQEF", "AASCAT8wggE7AgEAAkEAq7BFUpkGp3"]
    key = "\n".join([*lines, "-----END PRIVATE KEY-----"])
    remember(key)
    assert redact("found AASCAT8wggE7AgEAAkEAq7BFUpkGp3 there") == "found [redacted] there"
    assert redact(f"key: {key}.") == "key: [redacted]."


@pytest.mark.parametrize("value", ["", "short", "1234567", "postgres", "password", "development", "   x   "])
def test_short_values_and_short_words_are_nobodys_secret(value: str) -> None:
    remember(value)
    assert redact(f"the {value} database") == f"the {value} database"


def test_variables_are_secret_by_their_names() -> None:
    environ = {
        "API_KEY": "value-of-a-key", "API_KEY_ARN": "arn:aws:x", "TOKEN_FILE": "/run/token-file",
        "LEVEL": "gold-and-more",
        "DB_PASSWORD": "short", "DATABASE_URL": "postgresql://u:p@h/d",
    }  # fmt: skip
    assert secret_variables(environ).keys() == {"API_KEY", "DATABASE_URL"}
    remember_environment(environ)
    assert redact("value-of-a-key arn:aws:x /run/token-file gold-and-more") == (
        "[redacted] arn:aws:x /run/token-file gold-and-more"
    )


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("host=h password=hunter22 dbname=d", "host=h password=[redacted] dbname=d"),
        ("host=h password='hunter22' x", "host=h password='[redacted]' x"),
        ("https://h/approvals/1?token=abcDEF-123&x=1", "https://h/approvals/1?token=[redacted]&x=1"),
        ("https://h/x?api_key=abcdef123456", "https://h/x?api_key=[redacted]"),
        ("DB_PASSWORD=hunter22", "DB_PASSWORD=[redacted]"),
        ("Authorization: Basic cGs6c2VjcmV0MQ==", "Authorization: Basic [redacted]"),
        ("ghp_0123456789abcdefghij0123", "[redacted]"),
        ("xoxb-123456789012-abc", "[redacted]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_", "[redacted]"),
    ],
)
def test_well_known_forms_are_hidden(text: str, clean: str) -> None:
    assert redact(text) == clean
    assert redact(clean) == clean, "once more changes nothing"


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens=4096", "next_token is missing", "token: field required",
        "api_key=None", "the secret=1 field", "a Basic test",
        "Basic authentication is off", "set OPENAI_API_KEY",
        "Asiatic cuisine in ASIA", "total = price * tokens",
        "https://example.com/a?b=c", "sha256=0f1e2d3c4b5a69788796a5b4c3d2e1f0", "see eyJ.a.b",
        "wrong password", "x=password",
    ],
)  # fmt: skip
def test_ordinary_texts_are_left_alone(text: str) -> None:
    assert redact(text) == text


def test_data_loses_values_and_no_forms() -> None:
    data = {
        "value-of-a-key": 1,
        "b": ["is value-of-a-key!", 2.5, None, True],
        "c": {"d": "password=hunter22 sk-abcdefghijkl"},
    }
    assert masked(data) is data
    remember("value-of-a-key")
    assert masked(data) == {
        "[redacted]": 1,
        "b": ["is [redacted]!", 2.5, None, True],
        "c": {"d": "password=hunter22 sk-abcdefghijkl"},
    }


def test_an_error_with_a_secret_leaves_as_another_one_and_others_as_they_are() -> None:
    remember("value-of-a-key")
    with pytest.raises(AgentFrameworkError, match=r"^KeyError: '\[redacted\]'$"), redacted_errors():
        raise KeyError("value-of-a-key")
    with pytest.raises(ConfigError, match="harmless"), redacted_errors():
        raise ConfigError("harmless")


def test_logs_lose_secrets_of_messages_arguments_and_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    remember("value-of-a-key")
    logger, handler = logging.getLogger("of-this-test"), logging.StreamHandler()
    logger.propagate = False
    logger.addHandler(handler)
    redact_logs(logger)
    redact_logs(logger)
    try:
        raise ValueError("value-of-a-key")
    except ValueError:
        logger.exception("it was %s", {"k": "value-of-a-key"})
    told = capsys.readouterr().err
    assert told.startswith("it was {'k': '[redacted]'}\nTraceback ")
    assert "value-of-a-key" not in told.replace('raise ValueError("value-of-a-key")', "")
    logger.removeHandler(handler)


@pytest.mark.parametrize(
    "text", ["://" + "a" * 200_000, "password=" * 20_000, "eyJ" + "a." * 100_000, "-----BEGIN " * 20_000]
)
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    redact(text)
    assert time.process_time() - began < 2
