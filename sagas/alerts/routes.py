"""The routes that are in force: rows, in their order."""

from dataclasses import dataclass
from datetime import datetime

from sagas.alerts import registered, routing
from sagas.alerts.matching import Subject
from sagas.alerts.routing import Answer, Step
from sagas.models import Route

# In force until there is a default route.
BUILT_IN = routing.Route(name="default", steps=(Step((registered.EMAIL, registered.WEBHOOK)),))


@dataclass(frozen=True, slots=True)
class InForce:
    """`default` is taken where none of the others holds."""

    routes: tuple[routing.Route, ...]
    default: routing.Route

    def ask(self, subject: Subject, now: datetime) -> Answer:
        return routing.ask(subject, self.routes, self.default, now)

    def naming(self, channel: str) -> list[routing.Route]:
        """The routes that lead to a channel, also those that are switched off."""
        routes = (*self.routes, self.default)
        return [route for route in routes if any(channel in step.channels for step in route.steps)]

    @property
    def depend_on_time(self) -> bool:
        """Whether one may come to hold of a problem that is told already."""
        return any(route.match.depends_on_time for route in self.routes if route.is_enabled)

    @property
    def stand_ins(self) -> tuple[str, ...]:
        """Channels that are told where another takes nothing."""
        return self.default.steps[0].channels


def in_force() -> InForce:
    rows = list(Route.objects.all())
    default = next((routing.read(row.body) for row in rows if row.is_default), BUILT_IN)
    return InForce(tuple(routing.read(row.body) for row in rows if not row.is_default), default)
