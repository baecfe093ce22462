"""Which work waits behind which: a participant that hangs must not keep the sweep from its time."""

from console.celery import app


def queue_of(task: str) -> str:
    return app.amqp.router.route({}, task)["queue"].name


def test_calls_to_participants_wait_in_a_queue_of_their_own() -> None:
    assert queue_of("compensation.tasks.execute") == "calls"
    assert {queue_of(task) for task in ("sagas.tasks.sweep", "compensation.tasks.recover")} == {"celery"}


def test_a_worker_that_is_told_of_no_queue_takes_from_both() -> None:
    assert set(app.amqp.queues) == {"celery", "calls"}
