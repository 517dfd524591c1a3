"""A made-up order history, the same for the same seed, and what must come of it.

The oracle adds up the rows by itself, with nothing of the program's code or outputs.
"""

import collections
import random

DAY_MS = 86400000
WEEK_MS = 7 * DAY_MS
BEGIN_MS = 852076800000      # 1997-01-01
MONDAY_MS = 4 * DAY_MS       # 1970-01-05: weeks begin on Mondays
COUNTRIES = ("Chile", "France", "Norge", "Österreich")

Order = collections.namedtuple("Order", "customer time_ms amount_minor quantity country")


def make_orders(customer_count, day_count, seed, orders_mean=10):
    """Orders and a few returns of customers who come, pause, stay or go, in order of time."""
    chance = random.Random(seed)
    rows = []
    for index in range(customer_count):
        customer = f"kø-{index}" if index % 50 == 0 else f"c{index:05d}"
        rows += one_customer(chance, customer, day_count, orders_mean)
    return sorted(rows, key=lambda row: row.time_ms)


def one_customer(chance, customer, day_count, orders_mean):
    country = chance.choice(COUNTRIES)
    gap_days = max(1.0, day_count / orders_mean * chance.choice((0.3, 0.6, 1.0, 1.5, 3.0)))
    day = chance.uniform(0, day_count / 3)
    leaves = chance.choice((0.3, 0.5, 0.7, 2.0, 2.0)) * day_count
    pause_at = chance.choice((0.2, 0.3, 9.0)) * day_count
    amount_max = chance.choice((1500, 1500, 5000, 30000))
    rows = []
    while day < min(day_count, leaves):
        time_ms = BEGIN_MS + int(day * DAY_MS)
        amount = chance.randrange(100, amount_max)
        rows.append(Order(customer, time_ms, amount, chance.randrange(1, 9), country))
        if chance.random() < 0.10:  # again on the same day, or soon after
            rows.append(Order(customer, time_ms + chance.randrange(1, DAY_MS // 2),
                              chance.randrange(100, amount_max), 1, country))
        if chance.random() < 0.04:
            rows.append(Order(customer, time_ms + chance.randrange(1, 5 * DAY_MS),
                              -chance.randrange(1, amount), 1, country))
        if day > pause_at:
            day += chance.uniform(0.3, 0.6) * day_count
            pause_at = day_count * 9
        day += chance.expovariate(1 / gap_days)
    return rows


def money(minor):
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02d}"


def row_text(row):
    return f"{row.customer},{row.time_ms},{money(row.amount_minor)},{row.quantity},{row.country}"


HEADER = "customer,time,amount,quantity,country"


def write_csv(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        file.write(HEADER + "\n" + "".join(row_text(row) + "\n" for row in rows))
    return path


def account_oracle(rows):
    """{customer: what the topic accounts must say}."""
    accounts = {}
    for row in rows:
        account = accounts.setdefault(row.customer, {
            "event_count": 0, "order_event_count": 0, "order_sum_minor": 0,
            "days": set(), "orders_ms": []})
        account["event_count"] += 1
        account["order_sum_minor"] += row.amount_minor
        if row.amount_minor >= 0:
            account["order_event_count"] += 1
            account["days"].add(row.time_ms // DAY_MS)
            account["orders_ms"].append(row.time_ms)
    for account in accounts.values():
        account["order_count"] = len(account.pop("days"))
        times = account.pop("orders_ms")
        account["first_order_ms"] = min(times)
        account["last_order_ms"] = max(times)
    return accounts


def floor_to(time_ms, period_ms):
    origin = MONDAY_MS if period_ms == WEEK_MS else 0
    return (time_ms - origin) // period_ms * period_ms + origin


def revenue_oracle(rows, period_ms, by_country=False):
    """{(country or "", start of the period): minor units}."""
    sums = collections.Counter()
    for row in rows:
        sums[row.country if by_country else "", floor_to(row.time_ms, period_ms)] \
            += row.amount_minor
    return sums
