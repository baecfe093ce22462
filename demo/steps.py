"""The one table of the demo: which sagas there are, their steps in order, and who does each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    name: str
    participant: str
    seconds: tuple[float, float]  # how long its work takes, from and to


@dataclass(frozen=True)
class SagaType:
    name: str
    orchestrator: str
    steps: tuple[Step, ...]

    def position(self, step: str) -> int:
        return next(i for i, each in enumerate(self.steps) if each.name == step)


ORDER = SagaType(
    "order-fulfilment",
    orchestrator="order",
    steps=(
        Step("accept-order", "order", (0.1, 0.3)),
        Step("reserve-stock", "inventory", (0.2, 0.8)),
        Step("charge-card", "payment", (0.5, 1.5)),
        Step("prepare-parcel", "fulfilment", (0.4, 1.5)),
        Step("ship-parcel", "shipping", (0.5, 1.5)),
        Step("finalise-payment", "payment", (0.2, 0.6)),
    ),
)
WALLET = SagaType(
    "wallet-payment",
    orchestrator="wallet",
    steps=(
        Step("debit-wallet", "wallet", (0.1, 0.5)),
        Step("record-entry", "ledger", (0.2, 0.8)),
        Step("notify-customer", "notification", (0.1, 0.5)),
    ),
)

SAGA_TYPES = (ORDER, WALLET)
TYPE_OF_STEP = {step.name: saga for saga in SAGA_TYPES for step in saga.steps}
STEPS = {step.name: step for saga in SAGA_TYPES for step in saga.steps}
ORCHESTRATED_BY = {saga.orchestrator: saga for saga in SAGA_TYPES}

# In the order of their ports, from the base port upwards.
PARTICIPANTS = (
    "order",
    "inventory",
    "payment",
    "fulfilment",
    "shipping",
    "wallet",
    "ledger",
    "notification",
)


def port_of(participant: str, base_port: int) -> int:
    return base_port + PARTICIPANTS.index(participant)
