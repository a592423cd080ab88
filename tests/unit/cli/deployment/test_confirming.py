"""Nothing is made or destroyed that nobody agreed to."""

import io

import pytest

from agent_framework.cli.deploy import confirm
from agent_framework.errors import DeploymentError


class Terminal(io.StringIO):
    """Somebody who types this."""

    def isatty(self) -> bool:
        return True


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(text))


def test_yes_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "y\n")
    confirm("apply?", False)


def test_no_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "\n")
    with pytest.raises(DeploymentError, match="nothing was changed: you did not agree"):
        confirm("apply?", False)


def test_a_name_has_to_be_typed_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "prod\n")
    confirm("name?", False, typed="prod")
    answer(monkeypatch, "y\n")
    with pytest.raises(DeploymentError, match="nothing was changed: that was not 'prod'"):
        confirm("name?", False, typed="prod")


@pytest.mark.parametrize("as_json", [True, False])
def test_where_nobody_can_be_asked_nothing_is_changed(monkeypatch: pytest.MonkeyPatch, as_json: bool) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("y\n") if as_json else io.StringIO("y\n"))
    with pytest.raises(DeploymentError, match="give --auto-approve"):
        confirm("apply?", False, as_json=as_json)
    confirm("apply?", True, as_json=as_json)
