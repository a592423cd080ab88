"""Write data/shop_orders.csv: eighteen months of an invented garden and kitchen shop, with everything that goes wrong.

Run it from the project's folder: ``python scripts/make_data.py``. The same seed always writes the same bytes.
Inside: a slow rise, a strong December, two countries that develop differently, one product that takes off, one that
fades, returns, postage, vouchers, free samples, repeated lines, unreadable cells, a mistyped quantity, guests without a
customer number and one week without a single line.
"""

import csv
import math
import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

SEED = 20240615
FIRST, LAST = date(2023, 7, 5), date(2025, 1, 9)
CLOSED = (date(2023, 12, 25), date(2023, 12, 31))
HEADER = ("Order No", "Order Date", "SKU", "Item", "Qty", "Unit Price", "Customer No", "Country")
TARGET = Path(__file__).resolve().parent.parent / "data" / "shop_orders.csv"

ITEMS = (
    "Planter", "Watering Can", "Trowel", "Lantern", "Bird Feeder", "Mixing Bowl", "Teapot", "Bread Knife", "Apron",
    "Jug",
)  # fmt: skip
STYLES = ("Oak", "Slate", "Copper", "Blue")
COUNTRIES = {"United Kingdom": 0.62, "Ireland": 0.14, "Germany": 0.12, "France": 0.08, "Norway": 0.04}
RISING, FADING = "GK-103", "GK-126"


@dataclass(frozen=True)
class Product:
    """One article of the shop."""

    code: str
    name: str
    price_pence: int
    weight: float


def catalogue(rng: random.Random) -> list[Product]:
    """Forty articles, a few of them far more popular than the rest."""
    names = [f"{style} {item}" for item in ITEMS for style in STYLES]
    return [
        Product(f"GK-{100 + number}", name, rng.randrange(350, 6500, 50) - 1, 1 / (1 + number % 13))
        for number, name in enumerate(names)
    ]


def demand(day: date) -> float:
    """Expected orders on a day: growth, season, quiet Saturdays, no Sundays."""
    if day.weekday() == 6 or CLOSED[0] <= day <= CLOSED[1]:
        return 0.0
    growth = 1 + 0.25 * (day - FIRST).days / 365
    season = 1 + 0.25 * math.sin(2 * math.pi * (day.timetuple().tm_yday - 100) / 365)
    december = 1.9 if day.month == 12 and day.day < 24 else 1.0
    return 2.1 * growth * season * december * (0.5 if day.weekday() == 5 else 1.0)


def popularity(product: Product, day: date) -> float:
    """How often an article is chosen; one rises through the span, one fades."""
    progress = (day - FIRST).days / (LAST - FIRST).days
    factor = {RISING: 0.4 + 6 * progress**2, FADING: 1.8 - 1.7 * progress}.get(product.code, 1.0)
    return product.weight * factor


def pick_country(rng: random.Random, day: date) -> str:
    """Germany grows, Ireland shrinks."""
    progress = (day - FIRST).days / (LAST - FIRST).days
    tilt = {"Germany": 0.5 + 1.5 * progress, "Ireland": 1.5 - progress}
    return rng.choices(list(COUNTRIES), [share * tilt.get(name, 1.0) for name, share in COUNTRIES.items()])[0]


def lines(rng: random.Random) -> list[list[str]]:
    """Every line in order of time, before the spoiling."""
    products = catalogue(rng)
    found: list[list[str]] = []
    number = 20000
    for offset in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=offset)
        for moment in sorted(_moments(rng, day)):
            number += 1
            country = pick_country(rng, day)
            customer = "" if rng.random() < 0.12 else str(5000 + int(600 * rng.betavariate(0.5, 3)))
            head, tail = [str(number), _stamp(moment)], [customer, country]
            weights = [popularity(product, day) for product in products]
            for product in dict.fromkeys(rng.choices(products, weights, k=rng.choice((1, 1, 2, 2, 3)))):
                quantity = rng.choice((1, 1, 1, 2, 2, 3, 4, 6, 12))
                price = _pounds(product.price_pence)
                found.append([*head, product.code, product.name, str(quantity), price, *tail])
                if rng.random() < 0.03:
                    back = _stamp(moment + timedelta(days=rng.randrange(2, 9)))
                    found.append([f"C{number}", back, product.code, product.name, "-1", price, *tail])
            if country != "United Kingdom":
                found.append([*head, "POST", "Postage", "1", "7.50", *tail])
            if rng.random() < 0.01:
                found.append([*head, "GIFT-25", "Gift voucher", "1", "25.00", *tail])
    return found


def spoil(rows: list[list[str]], rng: random.Random) -> list[list[str]]:
    """Add what real exports contain."""
    for column, text in ((1, "n/a"), (1, "31/02/2024"), (4, "two"), (5, "free"), (5, ""), (2, "")):
        rows[rng.randrange(len(rows))][column] = text
    for position in rng.sample(range(len(rows)), 9):
        if not rows[position][0].startswith("C"):
            rows[position][5] = "0.00"
    for position in sorted(rng.sample(range(len(rows)), 7), reverse=True):
        rows.insert(position + 1, list(rows[position]))
    slip = next(position for position in range(len(rows) // 2, len(rows)) if rows[position][2] == "GK-101")
    rows[slip][4] = "30000"
    return rows


def _moments(rng: random.Random, day: date) -> list[datetime]:
    expected = demand(day)
    count = int(expected) + (rng.random() < expected % 1) + (rng.choice((-1, 0, 0, 1)) if expected else 0)
    return [datetime.combine(day, time(rng.randrange(8, 21), rng.randrange(60))) for _ in range(max(0, count))]


def _stamp(moment: datetime) -> str:
    return moment.strftime("%d/%m/%Y %H:%M")


def _pounds(pence: int) -> str:
    return f"{pence // 100}.{pence % 100:02d}"


def main() -> None:
    """Write the file and say what was written."""
    rng = random.Random(SEED)
    rows = spoil(lines(rng), rng)
    TARGET.parent.mkdir(exist_ok=True)
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)
    print(f"{TARGET.name}: {len(rows)} lines")


if __name__ == "__main__":
    main()
