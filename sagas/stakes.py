"""What is at stake in a saga: an amount of money, or a weight, as its definition finds it (pure).

Payloads are other people's text: what is no plain number of bearable size is no stake. Amounts are decimals
from the payload's own digits to the sum, never floats.
"""

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, NamedTuple, Self

# Digits before and after the point, as the columns hold them.
WHOLE, FRACTION = 15, 8
LIMIT = 10**WHOLE
SMALLEST = Decimal(1).scaleb(-FRACTION)

# ISO 4217: digits after the point, where a currency has not two.
DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0),
    **dict.fromkeys(("RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
CODE = re.compile(r"[A-Z]{3}")

# With few digits in the exponent: 1e999999 would be a number of a million digits.
NUMBER = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,60})?(?:[eE][+-]?[0-9]{1,2})?")
CURRENCY = re.compile(r"[A-Za-z0-9]{1,12}")


class Stake(NamedTuple):
    """`currency` is empty for a plain number, such as a weight."""

    amount: Decimal
    currency: str = ""

    @classmethod
    def read(cls, text: str) -> Self:
        """From what `find` gave."""
        amount, _, currency = text.partition(" ")
        return cls(Decimal(amount), currency)

    def __str__(self) -> str:
        return words(self.amount, self.currency)


def find(amount: Any, currency: Any = "") -> str:
    """The stake as it is kept in facts, "129.9 EUR"; empty where these values are none.

    A negative amount is none: what a customer gets back is not at stake.
    """
    found = _number(amount)
    if found is None or not (currency == "" or (isinstance(currency, str) and CURRENCY.fullmatch(currency))):
        return ""
    digits = f"{found:f}"
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return f"{digits} {currency.upper()}".rstrip()


def words(amount: Decimal, currency: str) -> str:
    """For people: `1,558.80 EUR`, `42.00 EUR`, `1,500 JPY`, `0.00012 BTC`, `50`."""
    plain = amount.quantize(SMALLEST).normalize()
    exponent = plain.as_tuple().exponent
    least = DIGITS.get(currency, 2) if CODE.fullmatch(currency) else 0
    places = max(2, least, -exponent) if isinstance(exponent, int) and exponent < 0 else least
    return f"{plain:,.{places}f} {currency}".rstrip()


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, int):
        return Decimal(value) if 0 <= value < LIMIT else None
    if not NUMBER.fullmatch(value):
        return None
    number = Decimal(value)
    return number.quantize(SMALLEST, ROUND_HALF_EVEN) if number < LIMIT else None
