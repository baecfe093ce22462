"""A shop in the database whose participants are really called: the definition of `stories`, and its sagas."""

import itertools
from dataclasses import dataclass, field
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from compensation import executor, recovery, repairs
from compensation.models import Repair, RepairAction
from sagas import ingest, secrets, standing
from sagas.audit import Actor
from sagas.definitions import loading
from sagas.events import Incoming
from sagas.fold import State
from sagas.models import Event, Participant, Saga
from tests.compensation import participants
from tests.compensation.stories import SHOP_YAML
from tests.sagas.saying import say

PAYLOADS = {
    ("reserve", "step.completed"): '{"reservation_id": "rs_1"}',
    ("charge", "step.completed"): '{"amount": 129.90}',
}
DONE = "saga.started check:S check:C reserve:S reserve:C charge:S charge:C"

ANNA = Actor("person", "anna", "192.0.2.7")
BEN = Actor("person", "ben", "192.0.2.8")


@dataclass
class Shop:
    """Everybody in it answers at one address, each below a path of their own."""

    served: participants.Participant
    ids: itertools.count = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        loading.load(SHOP_YAML, "shop.yaml", Actor.system())
        for name in ("shop", "inventory", "payment", "shipping", "mail"):
            Participant.objects.create(
                name=name,
                base_url=f"{self.served.url}/{name}",
                signing_secret=secrets.encrypt(participants.SECRET),
            )
        self.anna = User.objects.create_user("anna")

    def saga(self, words: str = DONE, *, ago: float = 3600) -> Saga:
        """A saga of which this was told; its last event happened `ago` seconds ago."""
        saga_id = f"o-{next(self.ids)}"
        self.tell(saga_id, words, ago=ago)
        return Saga.objects.get(saga_type="order", saga_id=saga_id)

    def tell(self, saga_id: str, words: str, *, ago: float = 0, by: str = "") -> None:
        """Each event comes from the owner of its step, or all of them from the participant `by`."""
        told = say(words, gap=0.1)
        now = timezone.now()
        for place, event in enumerate(told):
            participant = Participant.objects.get_or_create(name=by or _owner(event.step))[0]
            incoming = Incoming(
                source=by or event.source,
                id=f"{saga_id}-{next(self.ids)}",
                kind=event.kind,
                saga_type="order",
                saga_id=saga_id,
                step=event.step,
                execution=event.execution,
                time=now - timedelta(seconds=ago + 0.1 * (len(told) - place - 1)),
                data=PAYLOADS.get((event.step, event.kind.value)),
            )
            (result,) = ingest.store([incoming], participant=participant)
            assert result.outcome == "stored", result


def _owner(step: str) -> str:
    return {"reserve": "inventory", "charge": "payment", "ship": "shipping", "thank": "mail"}.get(
        step, "shop"
    )


def start(saga: Saga, intent: str, step: str = "", *, by: Actor = ANNA, **more: str) -> Repair:
    """Look, and start what was seen."""
    seen = repairs.preview(saga, intent, step, outcome=more.get("outcome", ""))
    return repairs.start(saga, intent, step, "OPS-1", seen.revision, seen.hash, by, None, **more)


def state_of(saga: Saga) -> State:
    return standing.of(Saga.objects.get(pk=saga.pk), timezone.now()).state


def actions(repair: Repair) -> list[RepairAction]:
    return list(RepairAction.objects.filter(repair=repair).order_by("position"))


def states(repair: Repair) -> list[str]:
    return [action.state for action in actions(repair)]


def make_due(repair: Repair) -> None:
    """Let all the time pass that anything of this repair waits for."""
    past = timezone.now() - timedelta(seconds=1)
    waiting = RepairAction.objects.filter(repair=repair, next_attempt_at__isnull=False)
    waiting.update(next_attempt_at=past)
    waiting.filter(lease_until__isnull=False).update(lease_until=past)


def work(repair: Repair, *, rounds: int = 30) -> Repair:
    """Do what workers and the beat do until the repair has ended; pauses are skipped."""
    for _ in range(rounds):
        repair.refresh_from_db()
        if repair.state != Repair.State.RUNNING:
            break
        make_due(repair)
        recovery.recover()
        for action in actions(repair):
            executor.execute(action.pk)
    return repair


def told(saga: Saga) -> list[tuple[str, str]]:
    """What Amends recorded about the saga: kind and step, in the order in which it happened."""
    events = Event.objects.filter(saga=saga, source="amends").order_by("time")
    return list(events.values_list("kind", "step"))
