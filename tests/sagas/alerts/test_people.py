"""What a person asked to hear of: watches, quiet hours, the daily digest."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from sagas.alerts import registered
from sagas.alerts.delivery import message_of
from sagas.alerts.people import choosing, digest, hours
from sagas.alerts.people.choosing import ChoiceError
from sagas.alerts.people.digest import Day
from sagas.detection.sweep import sweep
from sagas.models import Alert, Delivery, Problem, Saga, Watch
from sagas.vocabulary import Role
from tests.sagas.alerts.test_intents import Night
from tests.sagas.storing import define, put

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "begin", "end", "expected"),
    [
        # 22:30 in Berlin, in summer.
        ("2026-07-01 20:30", time(22), time(7), "2026-07-02 05:00"),
        ("2026-07-02 04:59", time(22), time(7), "2026-07-02 05:00"),
        ("2026-07-02 05:00", time(22), time(7), None),
        ("2026-07-01 19:59", time(22), time(7), None),
        ("2026-07-01 12:00", time(13), time(15), "2026-07-01 13:00"),
        ("2026-07-01 13:00", time(13), time(15), None),
        ("2026-07-01 20:30", None, None, None),
        ("2026-07-01 20:30", time(7), time(7), None),
        # The night in which the clock is put on, and the one in which it is put back.
        ("2026-03-28 22:00", time(22), time(7), "2026-03-29 05:00"),
        ("2026-10-24 21:00", time(22), time(7), "2026-10-25 06:00"),
    ],
)
def test_quiet_hours(now: str, begin: time | None, end: time | None, expected: str | None) -> None:
    found = hours.quiet_until(at(now), BERLIN, begin, end, is_loud=False)
    assert found == (at(expected) if expected else None)
    assert hours.quiet_until(at(now), BERLIN, begin, end, is_loud=True) is None


@pytest.mark.parametrize(
    ("severity", "from_", "loud"),
    [
        ("critical", "critical", True),
        ("error", "critical", False),
        ("error", "warning", True),
        ("", "note", False),
    ],
)
def test_loud(severity: str, from_: str, loud: bool) -> None:
    assert hours.is_loud(severity, from_) == loud


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-07-01 04:59", "2026-07-01 05:00"),
        ("2026-07-01 05:00", "2026-07-02 05:00"),
        ("2026-10-24 05:00", "2026-10-25 06:00"),
    ],
)
def test_the_next_digest(after: str, expected: str) -> None:
    assert hours.next_digest(at(after), BERLIN, time(7)) == at(expected)


def test_what_a_digest_says() -> None:
    calm = digest.summarise(Day(open=0, worst=[], opened=2, over=2, ended=1200))
    assert calm.title == "Nothing needs you"
    assert calm.lines == ("In the last day 2 opened, 2 were over, and 1,200 sagas came to a good end.",)
    busy = digest.summarise(Day(open=3, worst=["error: a", "warning: b"], opened=3, over=0, ended=1))
    assert busy.title == "3 problems need attention"
    assert busy.lines[:3] == ("error: a", "warning: b", "and 1 more.")


@pytest.fixture
def ada() -> User:
    user = User.objects.create(username="ada", password="pbkdf2_sha256$1$none$none", email="ada@shop.example")
    user.groups.add(Group.objects.get(name=Role.VIEWER))
    return user


def prefer(user: User, **more: Any) -> None:
    usual: dict[str, Any] = {
        "mail": user.email,
        "zone": "UTC",
        "quiet_from": None,
        "quiet_until": None,
        "loud_from": "critical",
        "digest_at": None,
        "now": timezone.now(),
    }
    choosing.prefer(user, **usual | more)


def mails() -> list[tuple[str, str, str]]:
    """(occasion, title, why) of what people asked for, oldest first."""
    rows = Delivery.objects.filter(channel__name=registered.PEOPLE).select_related("alert").order_by("pk")
    return [(one.alert.occasion, one.alert.summary["title"], one.because) for one in rows]


@pytest.mark.django_db
class TestWatching:
    def test_a_saga_type(self, ada: User) -> None:
        prefer(ada)
        choosing.watch_type(ada, "order", timezone.now())
        night = Night()
        night.fall_ill(2)
        night.pass_by(60)
        night.recover()
        night.pass_by(60)
        assert [(occasion, why) for occasion, _, why in mails()] == [
            ("opened", "you watch order problems"),
            ("resolved", "you watch order problems"),
        ]

    def test_a_watchers_mail_has_no_link_that_acts(self, ada: User, settings: Any) -> None:
        """A viewer may not acknowledge; the link would let them."""
        settings.ALERT_EMAIL_TO = ["oncall@shop.example"]
        prefer(ada)
        choosing.watch_type(ada, "order", timezone.now())
        night = Night()
        night.fall_ill(1)
        night.pass_by(30)
        acts = {one.target: message_of(one).acts for one in Delivery.objects.select_related("channel")}
        assert acts[ada.email] is None
        assert acts["oncall@shop.example"] is not None

    def test_a_problem_and_its_type_are_one_mail(self, ada: User) -> None:
        prefer(ada)
        night = Night()
        night.fall_ill(1)
        night.pass_by(30)
        choosing.watch_problem(ada, Problem.objects.get(), night.now)
        choosing.watch_type(ada, "order", night.now)
        night.recover()
        night.pass_by(60)
        assert [occasion for occasion, _, _ in mails()] == ["resolved"]

    def test_who_is_told_anyway_gets_no_second_mail(self, ada: User, settings: Any) -> None:
        settings.ALERT_EMAIL_TO = ["Ada@shop.example"]
        prefer(ada)
        choosing.watch_type(ada, "order", timezone.now())
        night = Night()
        night.fall_ill(1)
        night.pass_by(30)
        assert Delivery.objects.filter(target__iexact=ada.email).count() == 1

    def test_who_stops_watching_hears_nothing_more(self, ada: User) -> None:
        prefer(ada)
        watch = choosing.watch_type(ada, "order", timezone.now())
        night = Night()
        night.fall_ill(1)
        night.pass_by(30)
        assert choosing.unwatch(ada, watch.pk) and not choosing.unwatch(ada, watch.pk)
        night.recover()
        night.pass_by(60)
        assert [occasion for occasion, _, _ in mails()] == ["opened"]

    def test_a_saga_is_told_of_whenever_its_state_changes(self, ada: User) -> None:
        define()
        now = timezone.now()
        put("saga.started a:S a:T", "o-1", now=now)
        prefer(ada)
        saga = Saga.objects.get()
        choosing.watch_saga(ada, saga, now)
        sweep(now + timedelta(seconds=1))
        sweep(now + timedelta(seconds=10))
        told = mails()
        assert len(told) == 1
        put("a:F saga.failed", "o-1", now=now + timedelta(seconds=20), first=3)
        sweep(now + timedelta(seconds=21))
        # At most once a minute.
        assert mails() == told
        sweep(now + timedelta(seconds=62))
        assert len(mails()) == 2
        assert mails()[-1][1] == "o-1 has ended: compensated"
        assert "when you last heard" in Alert.objects.latest("pk").summary["explanation"]

    def test_quiet_hours_put_off_what_is_not_loud(self, ada: User) -> None:
        night = Night()
        begin = (night.now - timedelta(hours=1)).time()
        end = (night.now + timedelta(hours=1)).time().replace(second=0, microsecond=0)
        prefer(ada, quiet_from=begin, quiet_until=end)
        choosing.watch_type(ada, "order", night.now)
        night.fall_ill(1)
        night.pass_by(30)
        delivery = Delivery.objects.get(channel__name=registered.PEOPLE)
        assert delivery.next_attempt_at.time() == end
        assert delivery.next_attempt_at > night.now

    @pytest.mark.parametrize("lost", ["roles", "account"])
    def test_who_may_not_look_any_more_hears_nothing_more(self, ada: User, lost: str) -> None:
        night = Night()
        prefer(ada, digest_at=time(7), now=night.now)
        choosing.watch_type(ada, "order", night.now)
        night.fall_ill(1)
        choosing.watch_saga(ada, Saga.objects.get(), night.now)
        if lost == "roles":
            ada.groups.clear()
        else:
            User.objects.update(is_active=False)
        night.pass_by(30)
        assert digest.tell(night.now + timedelta(days=2)) == 0
        assert Alert.objects.exists()
        assert mails() == []

    def test_without_an_address_nothing_is_sent(self, ada: User) -> None:
        prefer(ada, mail="")
        choosing.watch_type(ada, "order", timezone.now())
        night = Night()
        night.fall_ill(1)
        night.pass_by(30)
        assert mails() == []

    def test_the_first_watch_takes_the_accounts_address(self, ada: User) -> None:
        choosing.watch_type(ada, "order", timezone.now())
        assert ada.told_how.mail == "ada@shop.example"  # type: ignore[attr-defined]

    def test_twice_is_once(self, ada: User) -> None:
        assert choosing.watch_type(ada, "order", timezone.now()) == choosing.watch_type(
            ada, "order", timezone.now()
        )
        assert Watch.objects.count() == 1

    def test_too_many(self, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(choosing, "MOST", 1)
        choosing.watch_type(ada, "order", timezone.now())
        with pytest.raises(ChoiceError):
            choosing.watch_type(ada, "other", timezone.now())


@pytest.mark.django_db
class TestDigest:
    def test_once_a_day_and_once_after_days_away(self, ada: User) -> None:
        now = timezone.now()
        prefer(ada, digest_at=(now + timedelta(minutes=5)).time().replace(second=0, microsecond=0), now=now)
        assert digest.tell(now) == 0
        assert digest.tell(now + timedelta(days=3)) == 1
        assert digest.tell(now + timedelta(days=3, minutes=1)) == 0
        assert mails() == [("digest", "Nothing needs you", "it is your daily digest")]

    def test_it_names_what_is_open(self, ada: User) -> None:
        night = Night()
        night.fall_ill(2)
        night.pass_by(30)
        told = digest.summarise(digest.day(night.now))
        assert told.title == "1 problem needs attention"
        assert told.lines[0].endswith("· 2 sagas")

    @pytest.mark.parametrize(
        ("more", "field"),
        [
            ({"mail": "nobody"}, "mail"),
            ({"zone": "Mars/Base"}, "zone"),
            ({"quiet_from": time(22)}, "quiet_from"),
            ({"loud_from": "loud"}, "loud_from"),
            ({"mail": "", "digest_at": time(7)}, "mail"),
        ],
    )
    def test_what_cannot_be_is_refused(self, ada: User, more: dict[str, Any], field: str) -> None:
        with pytest.raises(ChoiceError) as refused:
            prefer(ada, **more)
        assert refused.value.field == field
