"""Which work waits behind which: a participant that hangs must not keep the sweep from its time."""

from console.celery import app

OURS = (
    "sagas.tasks.sweep",
    "sagas.tasks.learn",
    "sagas.tasks.go_on_with_replays",
    "sagas.tasks.go_on_with_adoptions",
    "compensation.tasks.recover",
)


def queue_of(task: str) -> str:
    return app.amqp.router.route({}, task)["queue"].name


def test_calls_to_participants_wait_in_a_queue_of_their_own() -> None:
    assert queue_of("compensation.tasks.execute") == "calls"
    assert {queue_of(task) for task in OURS} == {"celery"}


def test_what_beat_asks_for_is_there() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= app.tasks.keys()


def test_a_worker_that_is_told_of_no_queue_takes_from_both() -> None:
    assert set(app.amqp.queues) == {"celery", "calls"}
