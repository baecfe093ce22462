"""One file a participant: its tables, its work, and how that is undone."""

from demo.business import Business
from demo.businesses import (
    fulfilment,
    inventory,
    ledger,
    notification,
    order,
    payment,
    shipping,
    wallet,
)

BUSINESSES: dict[str, Business] = {
    "order": order.BUSINESS,
    "inventory": inventory.BUSINESS,
    "payment": payment.BUSINESS,
    "fulfilment": fulfilment.BUSINESS,
    "shipping": shipping.BUSINESS,
    "wallet": wallet.BUSINESS,
    "ledger": ledger.BUSINESS,
    "notification": notification.BUSINESS,
}
