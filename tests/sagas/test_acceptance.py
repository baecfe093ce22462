"""Accepting: what counts no longer, what brings it back, and that only what was seen is accepted."""

import threading

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from sagas import acceptance, audit, changes
from sagas.acceptance import accepting
from sagas.audit import Actor
from sagas.detection.sweep import sweep
from sagas.models import Alert, AuditEntry, Finding, Problem, Saga, Transition
from tests.blocking import PATIENCE, wait_until_somebody_waits
from tests.sagas.storing import define, make_due, put
from tests.sagas.test_problems import assert_counts_are_true

pytestmark = pytest.mark.django_db

ADA = Actor("person", "ada", "10.0.3.7")


def sick(saga_id: str = "o-1", words: str = "saga.started charge:T") -> Finding:
    saga = put(words, saga_id)
    sweep()
    return saga.findings.get()


def accept(finding: Finding, reason: str = "refunded by hand, OPS-7") -> Finding:
    return acceptance.accept(finding, ADA, reason, acceptance.of_finding(finding))


def accept_all(problem: Problem, count: int | None = None) -> acceptance.Accepted:
    count = problem.open_count if count is None else count
    return acceptance.accept_all(problem, ADA, "known outage", count, acceptance.of_problem(problem))


def turns(finding: Finding) -> list[tuple[str, str]]:
    return list(finding.transitions.order_by("pk").values_list("what", "by"))


def condition(finding: Finding) -> str:
    return Saga.objects.get(pk=finding.saga_id).condition


class TestOne:
    def test_it_stays_open_and_counts_no_longer(self) -> None:
        finding = accept(sick())
        assert (finding.closed_at, finding.accepted_by) == (None, "ada")
        assert finding.accepted_reason == "refunded by hand, OPS-7"
        assert finding.accepted_at is not None
        assert condition(finding) == "healthy"
        problem = Problem.objects.get()
        assert (problem.open_count, problem.accepted_count, problem.total_count) == (0, 1, 1)
        assert problem.closed_at is not None
        assert turns(finding) == [("opened", ""), ("accepted", "ada")]
        assert_counts_are_true()

    def test_it_is_audited_with_the_evidence_that_was_seen(self) -> None:
        finding = accept(sick())
        entry = AuditEntry.objects.get(action="finding.accepted")
        assert (entry.actor, entry.reason, entry.saga_id) == (
            "ada",
            "refunded by hand, OPS-7",
            finding.saga_id,
        )
        assert entry.after["evidence"] == finding.evidence
        assert audit.verify() == audit.Verified(entry.sequence, entry.hash)

    def test_a_worse_finding_beside_it_still_counts(self) -> None:
        saga = put("saga.started a:T b:C b:K-")
        sweep()
        bad, doubt = saga.findings.get(code="compensation_failed"), saga.findings.get(code="step_in_doubt")
        accept(bad)
        assert condition(bad) == "in_doubt"
        accept(doubt)
        assert condition(bad) == "healthy"
        assert_counts_are_true()

    def test_the_next_sweep_changes_nothing(self) -> None:
        finding = accept(sick())
        make_due(timezone.now())
        sweep()
        assert condition(finding) == "healthy"
        assert Problem.objects.get().closed_at is not None
        assert [what for what, _ in turns(finding)] == ["opened", "accepted"]

    def test_an_event_that_is_no_evidence_does_not_bring_it_back(self) -> None:
        finding = accept(sick())
        put("other:C", first=10)
        sweep()
        finding.refresh_from_db()
        assert finding.is_accepted
        assert condition(finding) == "healthy"

    def test_new_evidence_brings_it_back(self) -> None:
        finding = accept(sick())
        put("charge:T", first=10)
        sweep()
        finding.refresh_from_db()
        assert (finding.is_waiting, finding.accepted_by, finding.accepted_reason) == (True, "", "")
        assert condition(finding) == "in_doubt"
        assert turns(finding) == [("opened", ""), ("accepted", "ada"), ("reopened", "")]
        assert Transition.objects.get(what="reopened").evidence == finding.evidence
        problem = Problem.objects.get()
        assert (problem.open_count, problem.accepted_count, problem.closed_at) == (1, 0, None)
        assert_counts_are_true()

    def test_it_closes_by_itself_like_others(self) -> None:
        finding = accept(sick())
        put("charge:C saga.completed", first=10)
        sweep()
        finding.refresh_from_db()
        assert finding.closed_at is not None
        problem = Problem.objects.get()
        assert (problem.open_count, problem.accepted_count) == (0, 0)
        assert [what for what, _ in turns(finding)] == ["opened", "accepted", "closed"]
        assert_counts_are_true()

    def test_withdrawn_it_counts_again(self) -> None:
        finding = acceptance.withdraw(accept(sick()), ADA, "the refund bounced")
        assert finding.is_waiting
        assert condition(finding) == "in_doubt"
        assert turns(finding)[-1] == ("reopened", "ada")
        entry = AuditEntry.objects.get(action="finding.withdrawn")
        assert (entry.reason, entry.before["accepted_by"]) == ("the refund bounced", "ada")
        assert_counts_are_true()

    def test_another_saga_with_it_joins_the_same_problem_however_late(self) -> None:
        accept(sick())
        Problem.objects.update(closed_at=timezone.now() - 5 * accepting.problems.SAME_AGAIN)
        sick("o-2")
        problem = Problem.objects.get()
        assert (problem.open_count, problem.accepted_count, problem.closed_at) == (1, 1, None)
        assert_counts_are_true()

    def test_text_that_no_database_keeps_is_kept_as_far_as_it_can_be(self) -> None:
        assert accept(sick(), "a\0b\ud83d").accepted_reason == "a\ufffdb\ufffd\ufffd\ufffd"

    def test_events_of_other_sagas_are_evidence_too(self) -> None:
        finding = sick()
        seen = acceptance.of_finding(finding)
        others = [{"type": "refund", "id": "r-1", "events": [{"source": "//refunds", "id": "7"}]}]
        Finding.objects.update(detail=finding.detail | {"others": others})
        with pytest.raises(acceptance.ChangedError):
            acceptance.accept(finding, ADA, "known", seen)
        finding.refresh_from_db()
        accept(finding)
        make_due(timezone.now())
        sweep()
        finding.refresh_from_db()
        assert finding.is_waiting, "what other sagas showed is gone"


class TestRefusals:
    def unchanged(self, finding: Finding) -> bool:
        before = Finding.objects.filter(pk=finding.pk).values().get()
        return before["accepted_at"] is None and not AuditEntry.objects.exists()

    @pytest.mark.parametrize("reason", ["", "  \n"])
    def test_without_a_reason(self, reason: str) -> None:
        finding = sick()
        with pytest.raises(acceptance.ReasonMissingError):
            accept(finding, reason)
        assert self.unchanged(finding)

    def test_what_changed_meanwhile(self) -> None:
        finding = sick()
        put("charge:T", first=10)
        sweep()
        with pytest.raises(acceptance.ChangedError, match="look again"):
            accept(finding)
        assert self.unchanged(finding)

    def test_what_is_over(self) -> None:
        finding = sick()
        put("charge:C saga.completed", first=10)
        sweep()
        with pytest.raises(acceptance.NotWaitingError, match="is over"):
            accept(finding)
        assert self.unchanged(finding)

    def test_what_somebody_else_accepted(self) -> None:
        finding = sick()
        accept(finding, "mine")
        with pytest.raises(acceptance.NotWaitingError, match=r"ada accepted this at .*: mine"):
            accept(finding)
        assert AuditEntry.objects.count() == 1

    def test_withdrawing_what_is_not_accepted(self) -> None:
        finding = sick()
        with pytest.raises(acceptance.NotAcceptedError):
            acceptance.withdraw(finding, ADA)
        accept(finding)
        put("charge:C saga.completed", first=10)
        sweep()
        with pytest.raises(acceptance.NotAcceptedError, match="is over"):
            acceptance.withdraw(finding, ADA)

    def test_another_number_than_was_confirmed(self) -> None:
        sick()
        problem = Problem.objects.get()
        with pytest.raises(acceptance.CountError, match="is 1 finding to accept now, and you confirmed 2"):
            accept_all(problem, 2)
        assert not AuditEntry.objects.exists()

    def test_one_closed_and_another_opened(self) -> None:
        sick()
        problem = Problem.objects.get()
        sick("o-2")
        put("charge:C saga.completed", first=10)
        sweep()
        with pytest.raises(acceptance.ChangedError):
            accept_all(problem)
        assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestAll:
    def put_many(self, count: int) -> Problem:
        for number in range(count):
            put("saga.started charge:T", f"o-{number}")
        sweep()
        return Problem.objects.get()

    def test_in_chunks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(accepting, "AT_ONCE", 3)
        problem = self.put_many(8)
        told = accept_all(problem)
        assert (told.accepted, told.left, str(told)) == (8, 0, "8 findings accepted.")
        assert {finding.accepted_reason for finding in Finding.objects.all()} == {"known outage"}
        assert set(Saga.objects.values_list("condition", flat=True)) == {"healthy"}
        entries = AuditEntry.objects.filter(action="problem.accepted").order_by("sequence")
        assert [len(entry.after["findings"]) for entry in entries] == [3, 3, 2]
        assert Transition.objects.filter(what="accepted", by="ada").count() == 8
        assert_counts_are_true()

    def test_what_turns_meanwhile_is_left_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Between two chunks one finding gets new evidence, another is over, and a third one opens."""
        monkeypatch.setattr(accepting, "AT_ONCE", 1)
        problem = self.put_many(4)
        chunk = accepting._accept_chunk
        chunks = []

        def overtaken(*given):
            chunks.append(chunk(*given))
            if len(chunks) == 1:
                put("charge:T", "o-1", first=10)
                put("charge:C saga.completed", "o-2", first=10)
                put("saga.started charge:T", "o-9")
                sweep()
            return chunks[-1]

        monkeypatch.setattr(accepting, "_accept_chunk", overtaken)
        told = accept_all(problem)
        assert (told.accepted, told.left) == (2, 2)
        waiting = Finding.objects.filter(closed_at=None, accepted_at=None)
        assert set(waiting.values_list("saga__saga_id", flat=True)) == {"o-1", "o-9"}
        problem.refresh_from_db()
        assert (problem.open_count, problem.accepted_count, problem.closed_at) == (2, 2, None)
        assert_counts_are_true()

    def test_the_sweep_and_a_person_meet_at_the_worst_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The sweep holds the saga and is about to write; who accepts waits, and is told that it changed."""
        finding = sick()
        seen = acceptance.of_finding(finding)
        put("charge:T", first=10)
        from_rival: list[object] = []

        def rival() -> None:
            try:
                from_rival.append(acceptance.accept(finding, ADA, "mine", seen))
            except acceptance.AcceptanceError as error:
                from_rival.append(error)
            finally:
                connection.close()

        lock, threads = accepting.problems.lock, []

        def overtaken(keys):
            if not threads:
                threads.append(threading.Thread(target=rival))
                threads[0].start()
                # Who accepts must wait for whoever judges.
                wait_until_somebody_waits()
            lock(keys)

        monkeypatch.setattr(accepting.problems, "lock", overtaken)
        sweep()
        threads[0].join()
        assert isinstance(from_rival[0], acceptance.ChangedError)
        finding.refresh_from_db()
        assert finding.is_waiting
        assert_counts_are_true()

    def test_a_person_and_the_sweep_meet_at_the_worst_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who accepts holds the saga; the sweep passes it by, and finds the new evidence the next time."""
        finding = sick()
        put("charge:T", first=10)
        accept_, swept = accepting._accept, []

        def overtaken(*given):
            thread = threading.Thread(target=_and_close(lambda: swept.append(sweep())))
            thread.start()
            thread.join(PATIENCE)
            return accept_(*given)

        monkeypatch.setattr(accepting, "_accept", overtaken)
        accept(finding)
        assert swept == [0]
        sweep()
        assert turns(finding) == [("opened", ""), ("accepted", "ada"), ("reopened", "")]
        assert_counts_are_true()

    def test_many_accept_withdraw_and_sweep_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nobody waits for ever, and the counts are true whoever was faster."""
        monkeypatch.setattr(accepting, "AT_ONCE", 4)
        problem = self.put_many(16)
        for number in range(0, 16, 2):
            put("charge:T" if number % 4 else "charge:C saga.completed", f"o-{number}", first=10)
        failures: list[DatabaseError] = []

        def act(place: int) -> None:
            try:
                if place % 3 == 0:
                    sweep()
                elif place % 3 == 1:
                    accept_all(Problem.objects.get(pk=problem.pk))
                else:
                    for finding in Finding.objects.filter(closed_at=None).order_by("-pk"):
                        try:
                            accept(finding)
                            acceptance.withdraw(finding, ADA)
                        except acceptance.AcceptanceError:
                            continue
            except acceptance.AcceptanceError:
                pass
            except DatabaseError as error:
                failures.append(error)

        threads = [threading.Thread(target=_and_close(lambda n=n: act(n))) for n in range(9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        sweep()
        assert_counts_are_true()
        assert isinstance(audit.verify(), audit.Verified)


class TestTelling:
    def test_that_it_is_over_is_not_told_of_what_was_accepted(self) -> None:
        finding = sick()
        assert Alert.objects.get().occasion == "opened"
        accept(finding)
        sweep(timezone.now() + 10 * accepting.problems.SAME_AGAIN)
        put("charge:C saga.completed", first=10)
        sweep(timezone.now() + 20 * accepting.problems.SAME_AGAIN)
        assert Alert.objects.count() == 1

    def test_what_comes_back_is_told_at_once(self) -> None:
        accept(sick())
        put("charge:T", first=10)
        sweep()
        assert list(Alert.objects.order_by("pk").values_list("occasion", flat=True)) == ["opened", "opened"]

    def test_open_pages_hear_of_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[str] = []
        monkeypatch.setattr(changes, "tell", lambda *topics: told.extend(topics))
        finding = sick()
        told.clear()
        accept(finding)
        assert {"problems", "sagas", f"saga:{finding.saga_id}"} <= set(told)


class TestTransitions:
    def test_changes_in_a_row_are_kept_once_a_minute(self) -> None:
        define()
        put("saga.started charge:S charge:R", ago=20)
        now = timezone.now()
        sweep(now)
        for place, seconds in enumerate((1, 2, 70), start=3):
            put("charge:R", first=place, ago=0)
            make_due(now)
            sweep(now + seconds * accepting.problems.timedelta(seconds=1))
        assert [what for what, _ in turns(Finding.objects.get())] == ["opened", "changed", "changed"]

    def test_detail_alone_is_no_turn(self) -> None:
        sick()
        define()
        make_due(timezone.now())
        sweep()
        assert [what for what, _ in turns(Finding.objects.get())] == ["opened"]


def _and_close(work):
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    return run
