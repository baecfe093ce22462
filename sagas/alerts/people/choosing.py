"""What a person wants to hear of, and how: each decides for themselves alone."""

from datetime import datetime, time

from django.contrib.auth.models import User

from sagas.addresses import is_mail_address
from sagas.alerts.matching import is_zone
from sagas.alerts.people import hours, watching
from sagas.models import Preferences, Problem, Saga, Watch
from sagas.vocabulary import Severity

# Of one person.
MOST = 500


class ChoiceError(Exception):
    """What was chosen cannot be; says what to do. `field` is the name of what is wrong."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


def watch_saga(user: User, saga: Saga, now: datetime) -> Watch:
    """Tell them whenever its status or condition changes from what it is now. Raises ChoiceError."""
    return _watch(user, now, saga=saga, told=watching.state_of(saga))


def watch_problem(user: User, problem: Problem, now: datetime) -> Watch:
    return _watch(user, now, problem=problem)


def watch_type(user: User, saga_type: str, now: datetime) -> Watch:
    """All problems of a saga type, those to come, too. Raises ChoiceError."""
    if not saga_type or len(saga_type) > 200 or not saga_type.isprintable():
        raise ChoiceError("Name a saga type.", "saga_type")
    return _watch(user, now, saga_type=saga_type)


def _watch(
    user: User,
    now: datetime,
    *,
    saga: Saga | None = None,
    problem: Problem | None = None,
    saga_type: str = "",
    told: str = "",
) -> Watch:
    known = Watch.objects.filter(user=user, saga=saga, problem=problem, saga_type=saga_type).first()
    if known:
        return known
    if Watch.objects.filter(user=user).count() >= MOST:
        raise ChoiceError(f"You watch {MOST} things already: stop watching some first.", "watch")
    if is_mail_address(user.email):
        Preferences.objects.get_or_create(user=user, defaults={"mail": user.email})
    Watch.objects.bulk_create(
        [
            Watch(user=user, saga=saga, problem=problem, saga_type=saga_type, told=told, created_at=now),
        ],
        # Two clicks at once: one of them was first.
        ignore_conflicts=True,
    )
    return Watch.objects.get(user=user, saga=saga, problem=problem, saga_type=saga_type)


def unwatch(user: User, pk: int) -> bool:
    """Whether they watched it."""
    return bool(Watch.objects.filter(user=user, pk=pk).delete()[0])


def prefer(
    user: User,
    *,
    mail: str,
    zone: str,
    quiet_from: time | None,
    quiet_until: time | None,
    loud_from: str,
    digest_at: time | None,
    now: datetime,
) -> Preferences:
    """Raises ChoiceError; then nothing was changed."""
    if mail and not is_mail_address(mail):
        raise ChoiceError("This is no e-mail address. Leave it empty to be sent nothing.", "mail")
    if not is_zone(zone):
        raise ChoiceError("There is no such time zone. Europe/Berlin is one.", "zone")
    if (quiet_from is None) != (quiet_until is None):
        raise ChoiceError("Quiet hours need a beginning and an end; leave both empty for none.", "quiet_from")
    if loud_from not in list(Severity):
        raise ChoiceError(f"Choose one of {', '.join(Severity)}.", "loud_from")
    if digest_at is not None and not mail:
        raise ChoiceError("Name an e-mail address, to which the digest is sent.", "mail")
    chosen, _ = Preferences.objects.update_or_create(
        user=user,
        defaults={
            "mail": mail,
            "zone": zone,
            "quiet_from": quiet_from,
            "quiet_until": quiet_until,
            "loud_from": loud_from,
            "digest_at": digest_at,
            "digest_next": hours.next_digest(now, zone, digest_at) if digest_at else None,
        },
    )
    return chosen
