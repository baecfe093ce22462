"""What is kept of a saga, one tab each: events, findings, repairs, audit, definition, related sagas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict

from compensation.models import Repair
from console import addresses, anchors, wording
from console.seeing import Seeing
from console.web import graphs, looking, repair_list, saga_events
from sagas.advice import ADVICE
from sagas.definitions import Definition
from sagas.detection import transitions
from sagas.fold import State
from sagas.models import AuditEntry, Finding, Saga, SagaKey, Transition
from sagas.vocabulary import Code

# Rows of a tab other than events; of more, the newest.
MOST = 100
# Sagas that share a key are counted no further.
RELATED_CAP = 1000


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    label: str
    count: str
    query: str
    is_on: bool


class Other(NamedTuple):
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Proof:
    """A finding, the rows of the events that prove it, the other sagas of which it speaks, and its turns.

    Turns come oldest first.
    """

    finding: Finding
    events: list[str]
    others: list[Other]
    turns: Sequence[Transition]

    @property
    def accept(self) -> str:
        return looking.accept(self.finding)

    @property
    def withdraw(self) -> str:
        return looking.withdraw(self.finding)

    @property
    def next(self) -> str:
        """The safest thing to do about it."""
        return ADVICE[Code(self.finding.code)].sentence


@dataclass(frozen=True, slots=True)
class Relation:
    """Another saga, and the keys that it shares with this one."""

    saga: Saga
    keys: list[str]


LABELS = {
    "events": "Events",
    "findings": "Findings",
    "repairs": "Repairs",
    "audit": "Audit",
    "definition": "Definition",
    "related": "Related",
}


def read(
    saga: Saga,
    state: State,
    definition: Definition | None,
    query: QueryDict,
    seeing: Seeing,
) -> dict[str, Any]:
    """The template context: the tabs with their counts, and the rows of the one that is open."""
    asked = query.get("tab", "")
    name = asked if asked in LABELS else "events"
    related = _related_keys(saga)
    counts = {
        "events": f"{saga.revision:,}",
        "findings": f"{Finding.objects.filter(saga=saga).count():,}",
        "repairs": f"{Repair.objects.filter(saga=saga).count():,}",
        "audit": f"{AuditEntry.objects.filter(saga=saga).count():,}",
        "definition": "",
        "related": wording.capped(
            related.order_by().values("saga_id").distinct()[:RELATED_CAP].count(), RELATED_CAP
        ),
    }
    kept = {"mode": query["mode"]} if query.get("mode") else {}
    context: dict[str, Any] = {
        "tab": name,
        "tabs": [
            Tab(each, label, counts[each], urlencode(kept | {"tab": each}), each == name)
            for each, label in LABELS.items()
        ],
    }
    match name:
        case "events":
            context["page"] = saga_events.page(saga, state, query, seeing)
        case "findings":
            context["proofs"] = _proofs(saga, seeing)
        case "repairs":
            found = Repair.objects.filter(saga=saga).defer("plan").order_by("-pk")
            context["lines"] = repair_list.with_progress(list(found[:MOST]))
        case "audit":
            context["entries"] = AuditEntry.objects.filter(saga=saga).order_by("-sequence")[:MOST]
            accepted = Transition.objects.filter(finding__saga=saga, what=Transition.What.ACCEPTED)
            context["was_accepted"] = accepted.exists()
        case "definition" if definition:
            context["graph"] = graphs.of(definition)
            context["words"] = {step.name: step.state for step in state.steps}
        case "related":
            context["relations"] = _relations(related, saga, seeing)
    context["most"] = MOST
    return context


def _proofs(saga: Saga, seeing: Seeing) -> list[Proof]:
    found = Finding.objects.filter(saga=saga).select_related("problem", "saga").order_by("-opened_at", "-pk")
    return proofs(
        sorted(
            seeing.findings(found[:MOST]),
            key=lambda finding: (finding.closed_at is not None, finding.is_accepted),
        )
    )


def proofs(findings: Sequence[Finding]) -> list[Proof]:
    """Of each finding, which comes with saga and problem, what proves it and how it turned."""
    turns = transitions.newest(findings)
    return [
        Proof(
            finding,
            [anchors.of_event(each["source"], each["id"]) for each in finding.evidence],
            [_other(each) for each in finding.detail.get("others", ())],
            turns[finding.pk],
        )
        for finding in findings
    ]


def _other(named: Mapping[str, str]) -> Other:
    return Other(f"{named['type']} {named['id']}", addresses.saga(named["type"], named["id"]))


def _related_keys(saga: Saga) -> QuerySet[SagaKey]:
    """Keys of other sagas that have a business key in common with this one."""
    mine = SagaKey.objects.filter(saga=saga, links=True).values_list("name", "value")
    same = Q(pk__in=[])
    for name, value in mine:
        same |= Q(name=name, value=value)
    return SagaKey.objects.filter(same, links=True).exclude(saga=saga)


def _relations(keys: QuerySet[SagaKey], saga: Saga, seeing: Seeing) -> list[Relation]:
    """A key that either of both types masks is masked."""
    found: dict[int, Relation] = {}
    rows = keys.select_related("saga").defer("saga__facts").order_by("-saga_id", "name")[: MOST * 2]
    for key in rows:
        relation = found.setdefault(key.saga_id, Relation(key.saga, []))
        (shown,) = seeing.keys(saga.saga_type, seeing.keys(key.saga.saga_type, [key]))
        relation.keys.append(f"{shown.name} {shown.value}")
    return list(found.values())[:MOST]
