"""What the traffic plays: ordinary sagas, ones that the business declines, and ones that go wrong."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from demo.steps import ORDER, WALLET, SagaType

Data = dict[str, Any]

# Article, price in cents.
CATALOGUE = [
    ("lamp-oak", 64_95),
    ("mug-blue", 12_50),
    ("desk-mat", 34_00),
    ("cable-2m", 8_90),
    ("chair-ash", 129_90),
    ("print-a3", 21_00),
    ("kettle-1l", 54_00),
]
NAMES = ["ada", "bram", "chiara", "daan", "elif", "femke", "goran", "hana", "ines", "jonas", "kofi", "lena"]
MERCHANTS = ["m-17", "m-23", "m-31", "m-42"]
COUNTRIES = ["NL", "DE", "FR", "BE", "AT"]


@dataclass(frozen=True)
class Scene:
    """One way a saga can go. `faults` are asked of the participants for this saga alone, before it starts."""

    name: str
    saga_type: SagaType
    faults: tuple[Data, ...] = ()
    change: Callable[[Data], None] | None = None  # of the payload


def _decline_card(data: Data) -> None:
    data["card"] = "declined"


def _ask_too_much(data: Data) -> None:
    data["lines"][0]["quantity"] = 500


def _send_far(data: Data) -> None:
    data["address"]["country"] = "AQ"


def _overspend(data: Data) -> None:
    data["total"]["amount"] = "9999.00"


def _pay_closed_account(data: Data) -> None:
    data["merchant"] = "m-0"


ORDINARY = {saga_type: Scene("ordinary", saga_type) for saga_type in (ORDER, WALLET)}

# The orchestrator undoes these by itself.
DECLINED = [
    Scene("card declined", ORDER, change=_decline_card),
    Scene("out of stock", ORDER, change=_ask_too_much),
    Scene("not deliverable", ORDER, change=_send_far),
    Scene("insufficient funds", WALLET, change=_overspend),
    Scene("account closed", WALLET, change=_pay_closed_account),
]

# These pass without anybody's help.
HICCUPS = [
    Scene("gateway stumbles", ORDER, ({"step": "charge-card", "fault": "flaky", "times": 2},)),
    Scene("settling stumbles", ORDER, ({"step": "finalise-payment", "fault": "flaky", "times": 3},)),
    Scene("slow packing", ORDER, ({"step": "prepare-parcel", "fault": "slow"},)),
    Scene("refund later", ORDER, ({"step": "charge-card", "fault": "accept_later"},), _send_far),
    Scene("warehouse dies", ORDER, ({"step": "reserve-stock", "fault": "die"},)),
    Scene("ledger dies", WALLET, ({"step": "record-entry", "fault": "die"},)),
    Scene("post is slow", WALLET, ({"step": "notify-customer", "fault": "slow"},)),
]

PARCEL_SILENT = Scene("parcel: no answer", ORDER, ({"step": "ship-parcel", "fault": "no_answer"},))
PARCEL_UNTOLD = Scene("parcel: lost reply", ORDER, ({"step": "ship-parcel", "fault": "lost_reply"},))
ENTRY_OVERDUE = Scene("entry overdue", WALLET, ({"step": "record-entry", "fault": "flaky", "times": None},))
RELEASE_REFUSED = Scene(
    "release refused", ORDER, ({"step": "reserve-stock", "fault": "refuse_compensation"},), _decline_card
)
CHARGE_UNTOLD = Scene("charge: lost reply", ORDER, ({"step": "charge-card", "fault": "lost_reply"},))
CHARGE_UNDONE = Scene(
    "charge: refunded by a job", ORDER, ({"step": "charge-card", "fault": "undone_unasked"},)
)
NOTICE_SILENT = Scene("notice: no answer", WALLET, ({"step": "notify-customer", "fault": "no_answer"},))

# These wait for a person.
TROUBLES = [
    PARCEL_SILENT,
    PARCEL_UNTOLD,
    ENTRY_OVERDUE,
    RELEASE_REFUSED,
    CHARGE_UNTOLD,
    CHARGE_UNDONE,
    NOTICE_SILENT,
]
# What everyone gets to see within the first seconds.
STORIES = [PARCEL_SILENT, CHARGE_UNDONE, ENTRY_OVERDUE, RELEASE_REFUSED]


def payload(scene: Scene, saga: str, chance: random.Random) -> Data:
    """What the saga is about, as the scene wants it."""
    data = order(saga, chance) if scene.saga_type is ORDER else payment(saga, chance)
    if scene.change:
        scene.change(data)
    return data


def order(saga: str, chance: random.Random) -> Data:
    articles = chance.sample(CATALOGUE, k=chance.choice([1, 1, 1, 2, 3]))
    bought = [(sku, chance.choice([1, 1, 2]), price) for sku, price in articles]
    total = sum(quantity * price for _, quantity, price in bought)
    return {
        "order_id": saga.removeprefix("order-"),
        "customer": customer(chance),
        "total": {"amount": money(total), "currency": "EUR"},
        "lines": [
            {"sku": sku, "quantity": quantity, "price": money(price)} for sku, quantity, price in bought
        ],
        "channel": chance.choice(["web", "app"]),
        "card": "visa-4242",
        "address": {"country": chance.choice(COUNTRIES)},
    }


def payment(saga: str, chance: random.Random) -> Data:
    payer = customer(chance)
    return {
        "payment_id": saga,
        "customer": payer,
        "total": {"amount": money(chance.randrange(2_50, 120_00, 5)), "currency": "EUR"},
        "wallet": payer["id"].replace("c-", "w-"),
        "merchant": chance.choice(MERCHANTS),
    }


def customer(chance: random.Random) -> Data:
    number = chance.randrange(100, 400)
    return {"id": f"c-{number}", "email": f"{NAMES[number % len(NAMES)]}.{number}@mail.example"}


def money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
