"""The operations on portfolios. Each is one transaction; what comes out are the values of `backend.portfolio`.

Nothing is checked twice: values cannot be wrong, and the tables' constraints hold for whoever else writes.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from agent_framework.errors import ProjectError
from backend.portfolio.allocation import Allocation, PortfolioError
from backend.portfolio.values import Account, Instrument, Portfolio, Position, User
from backend.portfolio.vocabulary import Dimension

from .drivers import Driver, MissingTablesError, Row, Transaction
from .rows import INSTRUMENT_FIELDS, account_from, as_json, instrument_from, position_from, user_from
from .schema import migrate

_HELD = """SELECT DISTINCT positions.symbol FROM positions JOIN accounts ON accounts.id = positions.account_id
WHERE accounts.clerk_user_id = :user"""


class Store:
    """Portfolios in one database."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    def migrate(self) -> list[str]:
        """Bring the schema up; the names of the migrations that were applied."""
        return migrate(self.driver)

    # -- reading ---------------------------------------------------------------------------------------------

    def portfolio(self, user_id: str) -> Portfolio:
        """A user's accounts, positions and instruments, as of one moment.

        Raises:
            ProjectError: there is no such user, or there are no tables yet.
        """
        of_user = {"user": user_id}
        try:
            with self.driver.transaction(snapshot=True) as transaction:
                users = transaction.run("SELECT * FROM users WHERE clerk_user_id = :user", of_user)
                accounts = transaction.run("SELECT * FROM accounts WHERE clerk_user_id = :user ORDER BY seq", of_user)
                positions = transaction.run(
                    "SELECT positions.* FROM positions JOIN accounts ON accounts.id = positions.account_id "
                    "WHERE accounts.clerk_user_id = :user ORDER BY positions.seq",
                    of_user,
                )
                instruments = transaction.run(f"SELECT * FROM instruments WHERE symbol IN ({_HELD})", of_user)
        except MissingTablesError as exc:
            raise ProjectError(f"{exc}; 'python -m backend.data reset' makes the tables and the test users") from exc
        if not users:
            raise ProjectError(
                f"there is no user {user_id!r} in {self.driver.place}; name one with --user, for instance a test user "
                "of 'python -m backend.data reset'"
            )
        known = [instrument_from(row) for row in instruments]
        return Portfolio(
            user_from(users[0]),
            tuple(account_from(row, _of_account(positions, row["id"])) for row in accounts),
            {instrument.symbol: instrument for instrument in known},
        )

    def instrument(self, symbol: str) -> Instrument | None:
        """What is known about a symbol."""
        with self.driver.transaction() as transaction:
            rows = transaction.run("SELECT * FROM instruments WHERE symbol = :symbol", {"symbol": symbol})
        return instrument_from(rows[0]) if rows else None

    # -- writing ---------------------------------------------------------------------------------------------

    def put_user(self, user: User) -> None:
        """Add a user, or change what is known about one."""
        with self.driver.transaction() as transaction:
            transaction.run(
                """INSERT INTO users VALUES (:id, :name, :years, CAST(:income AS {decimal}),
                CAST(:classes AS {json}), CAST(:regions AS {json}))
                ON CONFLICT (clerk_user_id) DO UPDATE SET display_name = excluded.display_name,
                years_until_retirement = excluded.years_until_retirement,
                target_retirement_income = excluded.target_retirement_income,
                asset_class_targets = excluded.asset_class_targets, region_targets = excluded.region_targets""",
                {
                    "id": user.id,
                    "name": user.name,
                    "years": user.years_until_retirement,
                    "income": None if user.target_income is None else str(user.target_income),
                    "classes": as_json(user.asset_class_targets),
                    "regions": as_json(user.region_targets),
                },
            )

    def remove_users(self, user_ids: Sequence[str]) -> None:
        """Remove users with their accounts and positions."""
        with self.driver.transaction() as transaction:
            for user_id in user_ids:
                transaction.run("DELETE FROM users WHERE clerk_user_id = :user", {"user": user_id})

    def add_account(
        self, user_id: str, name: str, *, purpose: str = "", cash: Decimal = Decimal(0), interest: Decimal = Decimal(0)
    ) -> str:
        """Add an account and return its id.

        Raises:
            PortfolioError: an amount cannot be, or there is no such user.
        """
        account = Account(str(uuid.uuid4()), name, purpose, cash, interest)
        with self.driver.transaction() as transaction:
            transaction.run(
                """INSERT INTO accounts (id, clerk_user_id, account_name, account_purpose, cash_balance, cash_interest,
                seq) VALUES (:id, :user, :name, :purpose, CAST(:cash AS {decimal}), CAST(:interest AS {decimal}),
                (SELECT COALESCE(MAX(seq), 0) + 1 FROM accounts))""",
                {
                    "id": account.id,
                    "user": user_id,
                    "name": name,
                    "purpose": purpose,
                    "cash": str(cash),
                    "interest": str(interest),
                },
            )
        return account.id

    def put_position(self, account_id: str, position: Position) -> None:
        """Add a position, or change its quantity.

        Raises:
            PortfolioError: nobody knows the symbol, or there is no such account.
        """
        with self.driver.transaction() as transaction:
            if not transaction.run("SELECT 1 FROM instruments WHERE symbol = :symbol", {"symbol": position.symbol}):
                raise PortfolioError(
                    f"nothing is known about {position.symbol!r}; add the instrument first, if only its name and kind"
                )
            transaction.run(
                """INSERT INTO positions (account_id, symbol, quantity, as_of_date, seq)
                VALUES (:account, :symbol, CAST(:quantity AS {decimal}), :as_of,
                (SELECT COALESCE(MAX(seq), 0) + 1 FROM positions))
                ON CONFLICT (account_id, symbol)
                DO UPDATE SET quantity = excluded.quantity, as_of_date = excluded.as_of_date""",
                {
                    "account": account_id,
                    "symbol": position.symbol,
                    "quantity": str(position.quantity),
                    "as_of": position.as_of.isoformat(),
                },
            )

    def add_instruments(self, instruments: Sequence[Instrument]) -> None:
        """Add instruments; those that are there stay as they are."""
        columns = ", ".join(INSTRUMENT_FIELDS)
        values = ", ".join(_typed(name) for name in INSTRUMENT_FIELDS)
        with self.driver.transaction() as transaction:
            for instrument in instruments:
                transaction.run(
                    f"INSERT INTO instruments ({columns}) VALUES ({values}) ON CONFLICT (symbol) DO NOTHING",
                    {name: field(instrument) for name, field in INSTRUMENT_FIELDS.items()},
                )

    def classify(
        self, symbol: str, *, kind: str, allocations: Mapping[Dimension, Allocation], source: str, rationale: str
    ) -> None:
        """Store a classification that was checked; what is classified in full keeps what it has."""
        with self.driver.transaction() as transaction:
            transaction.run(
                """UPDATE instruments SET instrument_type = :kind,
                allocation_asset_class = CAST(:classes AS {json}), allocation_regions = CAST(:regions AS {json}),
                allocation_sectors = CAST(:sectors AS {json}), classified_by = :source,
                classification_rationale = :rationale WHERE symbol = :symbol AND (allocation_asset_class IS NULL
                OR allocation_regions IS NULL OR allocation_sectors IS NULL)""",
                {
                    "symbol": symbol,
                    "kind": kind,
                    "classes": as_json(allocations[Dimension.ASSET_CLASS]),
                    "regions": as_json(allocations[Dimension.REGION]),
                    "sectors": as_json(allocations[Dimension.SECTOR]),
                    "source": source,
                    "rationale": rationale,
                },
            )

    def set_prices(self, prices: Mapping[str, Decimal], *, as_of: date, source: str) -> None:
        """Store new prices, all or none."""
        with self.driver.transaction() as transaction:
            for symbol, price in prices.items():
                _set_price(transaction, {"symbol": symbol, "price": str(price), "as_of": as_of, "source": source})


def _typed(name: str) -> str:
    """The parameter of a column of ``instruments``, in its type."""
    if name == "current_price":
        return f"CAST(:{name} AS {{decimal}})"
    return f"CAST(:{name} AS {{json}})" if name.startswith("allocation_") else f":{name}"


def _set_price(transaction: Transaction, price: Mapping[str, Any]) -> None:
    transaction.run(
        """UPDATE instruments SET current_price = CAST(:price AS {decimal}), price_as_of = :as_of,
        price_source = :source WHERE symbol = :symbol""",
        {**price, "as_of": price["as_of"].isoformat()},
    )


def _of_account(positions: Sequence[Row], account_id: str) -> tuple[Position, ...]:
    return tuple(position_from(row) for row in positions if row["account_id"] == account_id)
