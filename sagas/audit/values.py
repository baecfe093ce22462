"""Values as PostgreSQL gives them back, so that a hash that was made before storing holds afterwards."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import IPv6Address, ip_address
from typing import Any
from uuid import UUID


def plain(value: Any) -> Any:
    """The value as `jsonb` gives it back, so that a hash made before storing holds afterwards.

    Raises TypeError for what is no JSON value, ValueError for an infinite or undefined number.
    """
    match value:
        case None | bool() | int():
            return value
        case float():
            # jsonb keeps numbers as decimals: 1e3 comes back as the integer 1000.
            return int(Decimal(repr(value))) if value.is_integer() else value
        case str():
            return storable(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case UUID() | Decimal():
            return str(value)
        case Mapping():
            return {storable(str(key)): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case set() | frozenset():
            return [plain(item) for item in sorted(value)]
    raise TypeError(f"{type(value).__name__} cannot be written to the audit log")


def storable(text: str) -> str:
    """Without what PostgreSQL cannot keep as text: NUL and lone surrogates become the replacement sign."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def clean_address(text: str | None) -> str | None:
    """One spelling for each IP address; None for what is none, as behind a Unix socket."""
    try:
        address = ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)
