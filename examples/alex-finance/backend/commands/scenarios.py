"""``test_multiple_accounts`` and ``test_scale``: several accounts of one user, and several users at once.

What a job should come to is computed here by hand: quantity times price, plus cash, for each account.
"""

import asyncio
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import click

from agent_framework import Job
from backend.data.seed import seed
from backend.data.store import Store
from backend.portfolio.money import cents, dollars
from backend.portfolio.values import Position, User

from .queued import Place, place_options, portfolios, run_job, verdict, working, wrong_with


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """An account that a scenario makes."""

    name: str
    cash: str
    quantities: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class UserPlan:
    """A user that a scenario makes; the name says nothing about any other user."""

    id: str
    name: str
    accounts: Sequence[AccountPlan]


@dataclass(frozen=True, slots=True)
class Analysed:
    """A user's job, what each account should come to, and what is wrong."""

    plan: UserPlan
    job: Job
    by_hand: Sequence[Decimal]
    wrong: Sequence[str]


SEVERAL = (
    AccountPlan("401(k)", "5000", {"SPY": "100", "BND": "200"}),
    AccountPlan("Traditional IRA", "1000", {"SPY": "12.5", "VEA": "40.125"}),
    AccountPlan("Taxable", "2500.50", {"QQQ": "3.333", "GLD": "10"}),
    AccountPlan("Taxable", "0", {"QQQ": "1"}),
)
SYMBOLS = ("SPY", "QQQ", "BND", "VEA", "GLD")


@click.command("test_multiple_accounts")
@place_options
def test_multiple_accounts(place: Place) -> None:
    """Analyse a user with four accounts, two of them with the same name."""
    plan = UserPlan(f"test_accounts_{uuid.uuid4().hex[:8]}", "Several Accounts", SEVERAL)
    (done,) = _analysed([plan], place)
    for account, amount in zip(SEVERAL, done.by_hand, strict=True):
        click.echo(f"{account.name:<18}{dollars(amount):>16}  of it cash {dollars(Decimal(account.cash))}")
    click.echo(f"{'together':<18}{dollars(sum(done.by_hand, Decimal(0))):>16}")
    _end(done.wrong, f"{len(SEVERAL)} accounts stay apart and add up")


@click.command("test_scale")
@click.option("--users", type=click.IntRange(2, 100), default=5, show_default=True, help="Users at once.")
@place_options
def test_scale(users: int, place: Place) -> None:
    """Analyse several users at once; each job has its own user's figures, and nobody else's."""
    plans = [_user(number) for number in range(1, users + 1)]
    wrong: list[str] = []
    for done in _analysed(plans, place):
        seconds = (done.job.completed_at or 0) - done.job.created_at
        amount = dollars(sum(done.by_hand, Decimal(0)))
        status = done.job.status.value
        click.echo(f"{done.plan.id}  {len(done.plan.accounts)} accounts  {amount:>14}  {status}  {seconds:.1f} s")
        wrong += [f"{done.plan.id}: {problem}" for problem in (*done.wrong, *_leaks(done, plans))]
    _end(wrong, f"{users} jobs at once, nothing of one in another")


def _user(number: int) -> UserPlan:
    """The ``number``-th user: as many accounts and kinds of holdings as that, five at most."""
    mark = uuid.uuid4().hex[:8]
    accounts = [
        AccountPlan(
            f"Account {index} of {mark}",
            f"{1000 * number + index}.{number:02}",
            dict.fromkeys(SYMBOLS[: min(number + 1, len(SYMBOLS))], f"{10 * number + index}.5"),
        )
        for index in range(1, min(number, 5) + 1)
    ]
    return UserPlan(f"test_scale_{mark}", f"Owner {mark}", accounts)


def _analysed(plans: Sequence[UserPlan], place: Place) -> list[Analysed]:
    """A job for each user, all at once; the users are removed afterwards."""
    store = portfolios(place)
    seed(store)
    with _users(store, plans):
        jobs = asyncio.run(_at_once([plan.id for plan in plans], place))
        return [_checked(store, plan, job) for plan, job in zip(plans, jobs, strict=True)]


def _checked(store: Store, plan: UserPlan, job: Job) -> Analysed:
    by_hand = _by_hand(store, plan)
    return Analysed(plan, job, by_hand, wrong_with(job) or _apart(job, by_hand))


async def _at_once(user_ids: Sequence[str], place: Place) -> list[Job]:
    async with working(place) as project:
        return list(await asyncio.gather(*(run_job(project, place, user_id) for user_id in user_ids)))


@contextmanager
def _users(store: Store, plans: Sequence[UserPlan]) -> Iterator[None]:
    """Make users, and remove them in the end."""
    try:
        for plan in plans:
            store.put_user(User(plan.id, plan.name, 20, Decimal(50_000)))
            for account in plan.accounts:
                made = store.add_account(plan.id, account.name, cash=Decimal(account.cash))
                for symbol, quantity in account.quantities.items():
                    store.put_position(made, Position(symbol, Decimal(quantity), date(2025, 1, 2)))
        yield
    finally:
        store.remove_users([plan.id for plan in plans])


def _by_hand(store: Store, plan: UserPlan) -> list[Decimal]:
    """What each account is worth: quantity times price to the cent, and cash."""
    prices = {symbol: one.price or Decimal(0) for symbol, one in store.portfolio(plan.id).instruments.items()}
    return [
        sum(
            (cents(Decimal(held) * prices[symbol]) for symbol, held in account.quantities.items()),
            Decimal(account.cash),
        )
        for account in plan.accounts
    ]


def _apart(job: Job, expected: Sequence[Decimal]) -> list[str]:
    """Whether charts and planner have each account's worth, and their sum."""
    results = job.agent_results
    drawn = sorted(Decimal(str(part["value"])) for part in results["charter"]["accounts"]["data"])
    total = sum(expected, Decimal(0))
    said = {
        "planner": Decimal(results["planner"]["total"]),
        "retirement": Decimal(results["retirement"]["portfolio_value"]),
    }
    wrong = [f"{agent} has {amount}, by hand it is {total}" for agent, amount in said.items() if amount != total]
    if drawn != sorted(expected):
        wrong.append(f"the chart of accounts has {drawn}, by hand they are {sorted(expected)}")
    return wrong


def _leaks(done: Analysed, plans: Sequence[UserPlan]) -> list[str]:
    """Names and marks of other users in a job's payloads."""
    text = json.dumps(done.job.agent_results, ensure_ascii=False)
    others = [other for other in plans if other is not done.plan]
    return [f"{other.name} is in its results" for other in others if other.name.split()[-1] in text]


def _end(wrong: Sequence[str], well: str) -> None:
    """Print how it came out.

    Raises:
        click.exceptions.Exit: with code 1, where something is wrong.
    """
    if not verdict(wrong):
        raise click.exceptions.Exit(1)
    click.echo(f"✅ {well}")
