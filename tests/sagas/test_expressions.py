"""CEL expressions: what they take and give, and how their mistakes are told."""

import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas import expressions
from sagas.expressions import EvaluationError, ExpressionError, Values


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("1 + 1", {}, 2),
        ("event.type == 'OrderShipped'", {"event": {"type": "OrderShipped"}}, True),
        ("event.id", {"event": {"id": None}}, None),
        ("event.total > 100", {"event": {"total": 100.5}}, True),
        ("event.total == 1", {"event": {"total": 1.0}}, True),
        ("'order-' + event.id", {"event": {"id": "8492"}}, "order-8492"),
        ("event.id", {"event": {"id": "a\x00b"}}, "a\ufffdb"),
        ("event.id", {"event": {"id": "half \ud800"}}, "half \ufffd\ufffd\ufffd"),
        ("event.id", {"event": {"id": 2**70}}, float(2**70)),
        ("has(event.id) && event.id == 1", {"event": {}}, False),
        ("event.gone == 1 || true", {"event": {}}, True),
        ("event.items.exists(item, item.sku == 'a')", {"event": {"items": [{"sku": "a"}]}}, True),
        ("event.items.filter(item, item > 1).size()", {"event": {"items": [1, 2, 3]}}, 2),
        ("event.items.size()", {"event": {"items": (1, 2)}}, 2),
    ],
)
def test_what_an_expression_gives(text, values, expected):
    assert expressions.compile(text, {"event": "map"}).evaluate({"event": {}} | values) == expected


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "must not be empty"),
        (" \n", 1, 1, "must not be empty"),
        ("event.type ==", 1, 14, "something is missing at the end"),
        ("true &&\n  evnt.type == 'x'", 2, 3, "`evnt` is neither a variable nor a function here"),
        ("true && event.twice()", 1, 20, "`twice` is neither a variable nor a function here"),
        ("'a' == 1", 1, 5, "`==` cannot be applied to (string, int)"),
        ("'a' in 'b'", 1, 5, "`in` cannot be applied to (string, string)"),
        ("true ? 1 : 2", 1, 1, "gives int; must give bool (true or false)"),
        ("event.a ? true :: false", 1, 17, "`:` is not expected here"),
        ("event # or so", 1, 7, "`#` is no CEL"),
        ("event", 1, 1, "gives map; must give bool (true or false)"),
        ("[1].map(n, n) == [1]", 1, 8, "`map` is not offered, as its lists can grow without end; "),
        ("true &&\n\n '\x01' == ''", 3, 3, "must not hold the character U+0001"),
        ("(" * 40 + "true" + ")" * 40, 1, 1, "it is nested too deeply"),
        ("!(" * 999, 1, 1, "it is nested too deeply"),
        ("event" + ".a" * 500, 1, 1, "it is nested too deeply"),
        (" " * 2_001, 1, 1, "must be at most 2,000 characters long; is 2,001"),
    ],
)
def test_mistakes_are_told_with_their_place(text, line, column, message):
    with pytest.raises(ExpressionError) as caught:
        expressions.compile(text, {"event": "map"}, "bool")
    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.message.startswith(message)


DOTTED = {"day.count": "int", "day.sums": "map", "days": "list"}


def test_a_variable_may_have_a_name_of_two_words():
    ready = expressions.compile("day.count + size(days) > day.sums.EUR", DOTTED, "bool")
    assert ready.evaluate({"day.count": 2, "day.sums": {"EUR": 2.5}, "days": [1]}) is True


@pytest.mark.parametrize(
    ("text", "column", "word"),
    [
        ("true && day.cuont > 1", 9, "day.cuont"),
        ("day.sum.EUR > 1.0", 1, "day.sum"),
        ("days.exists(one, day == one)", 18, "day"),
    ],
)
def test_where_its_second_word_is_not_known_those_that_are_are_told(text, column, word):
    with pytest.raises(ExpressionError) as caught:
        expressions.compile(text, DOTTED, "bool")
    assert caught.value.message == f"`{word}` is not known here; known are day.count, day.sums"
    assert (caught.value.line, caught.value.column) == (1, column)


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("event.gone", {"event": {}}, 'there is no "gone"'),
        ("event.a", {"event": {"a": 1}}, "it gives int; must give bool (true or false)"),
        ("event.a", {"event": {"a": []}}, "it gives list; must give bool (true or false)"),
        ("event.a / 0 == 1", {"event": {"a": 1}}, "divide by zero"),
        ("event.a", {}, "nobody knows event"),
        (
            "event.a.all(x, event.a.all(y, event.a.all(z, x < y || true)))",
            {"event": {"a": list(range(40))}},
            "its loops have more than 10,000 rounds",
        ),
        ("event.a", {"event": {"a": "x" * 200_001}}, "the texts it looks at are longer than 200,000"),
        ("event.a", {"event": {"a": [0] * 20_001}}, "the values it looks at are more than 20,000"),
    ],
)
def test_what_cannot_be_evaluated_says_why(text, values, message):
    with pytest.raises(EvaluationError) as caught:
        expressions.compile(text, {"event": "map"}, "bool").evaluate(values)
    assert str(caught.value).startswith(message)


def test_values_that_are_nested_too_deeply_are_refused():
    deep: list = []
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(EvaluationError, match="nested deeper than 30 levels"):
        Values.of({"event": deep})


@pytest.mark.parametrize("number", [10**400, -(10**4000)])
def test_a_number_that_nothing_can_hold_is_refused(number: int) -> None:
    with pytest.raises(EvaluationError, match="more than 308 digits"):
        Values.of({"event": [number]})
    assert Values.of({"event": number // abs(number) * 10**300}) == {"event": number // abs(number) * 1e300}


def test_the_same_text_is_compiled_once():
    once = expressions.compile("event.a == 1", {"event": "map"}, "bool")
    assert expressions.compile("event.a == 1", {"event": "map"}, "bool") is once
    assert expressions.compile("event.a == 1", {"event": "map"}) is not once


def test_threads_share_an_expression():
    expression = expressions.compile("event.a + event.b", {"event": "map"})
    with ThreadPoolExecutor(8) as pool:
        given = pool.map(lambda n: expression.evaluate({"event": {"a": n, "b": n}}), range(2_000))
        assert list(given) == [2 * n for n in range(2_000)]


def test_a_forked_process_evaluates_and_compiles():
    expression = expressions.compile("event.a > 1", {"event": "map"}, "bool")
    assert expression.evaluate({"event": {"a": 2}})
    child = os.fork()
    if child == 0:
        good = expression.evaluate({"event": {"a": 2}}) and expressions.compile("1 < 2", {}).evaluate({})
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


HOSTILE = [
    ("texts", "event.l.exists(a, (a + a) != '')", "`+` in a loop must add numbers"),
    ("any", "event.l.exists(a, [1].exists(b, a + a == b))", "`+` in a loop must add numbers"),
    (
        "lists",
        "[event.l].exists(a, [[a, a]].exists(b, b == event.n))",
        "a list or map in a loop must hold nothing",
    ),
    ("maps", "[event].exists(a, {'a': a, 'b': a} == a)", "a list or map in a loop must hold nothing"),
    ("filter", "event.l.filter(a, [a] == a).size() > 0", "a list or map in a loop must hold nothing"),
    ("joins", "(event.a" + " + event.a" * 21 + ") == ''", "`+` may join texts at most 20 times"),
    ("patterns", "event.a.matches(event.b)", "the pattern of `matches` must be a text in quotes"),
    ("long", f"event.a.matches('{'a' * 101}')", "the pattern of `matches` must be a text in quotes"),
    ("loop", "event.l.exists(a, a.matches('(a+)+$'))", "`matches` takes too long for a loop"),
    ("many", "||".join(["event.a.matches('a')"] * 6), "`matches` may be used at most 5 times"),
    ("zone", "timestamp(event.a).getHours('/dev/stdin') == 1", "`getHours` takes no time zone here"),
    ("message", "google.protobuf.Struct{} == event.a", "google.protobuf.Struct is not offered"),
]


@pytest.mark.parametrize(("text", "message"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_what_could_grow_or_hang_is_refused(text, message):
    with pytest.raises(ExpressionError, match=re.escape(message)):
        expressions.compile(text, {"event": "map"}, "bool")


@pytest.mark.parametrize(
    "text",
    [
        "event.l.exists(a, event.n.exists(b, double(a) + double(b) > 1.0))",
        "event.l.exists(a, a in ['x', 'y'])",
        "event.l.filter(a, a != 'x').exists_one(a, a == 'y')",
        "event.a.matches('^order-[0-9]+$') && 'a' + event.a == 'b'",
        "[event.a, event.b].all(a, a != '')",
        "timestamp(event.a).getHours() < 12",
        "size(event.l) == 2 && 'x' in event.l",
    ],
)
def test_what_cannot_grow_is_taken(text):
    expressions.compile(text, {"event": "map"}, "bool")


@pytest.mark.parametrize(
    ("text", "largest"),
    [
        # What is compared in each round has to be small; what the round itself goes over need not.
        ("event.l.all(a, event.l != event.n || a == '')", 1_000),
        ("event.l.all(a, a in event.l)", 1_000),
        ("event.l.all(a, event.l.exists(b, event.l == event.n))", 100),
        ("event.l.all(a, a != event.b)", 9_000),
        ("event.l.all(a, a == 'x')", 9_000),
        ("event.l.all(a, a.startsWith('x'))", 9_000),
        ("event.l.all(a, event.l.size() > 1)", 1_000),
        ("event.l.all(a, !event.b.contains('y'))", 1_000),
        ("[event, event, event].all(a, a == event)", 9_000),
        ("event.l == event.n", 9_000),
    ],
)
def test_what_would_take_long_is_refused_before_it_begins(text, largest):
    """By counting, not by a clock: ten million looks at values at most, whatever the values are."""
    expression = expressions.compile(text, {"event": "map"}, "bool")
    for size in (10, 100, 1_000, 9_000):
        event = {"b": "", "l": ["x"] * size, "n": ["x"] * size}
        if size <= largest:
            expression.evaluate({"event": event})
        else:
            with pytest.raises(EvaluationError, match="too much in its loops"):
                expression.evaluate({"event": event})


def test_places_are_counted_in_characters():
    with pytest.raises(ExpressionError) as caught:
        expressions.compile("'ß' == 'ß' &&\n  'ß' == event.a + [1, event].size()", {"event": "map"}, "bool")
    assert caught.value.line == 2
    with pytest.raises(ExpressionError) as caught:
        expressions.compile("'ß' == 'ß' &&\n  'ß'.matches(event.a)", {"event": "map"}, "bool")
    assert (caught.value.line, caught.value.column) == (2, 14)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc\x00\ud800"), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(json_values, json_values)
@pytest.mark.parametrize(
    "text",
    [
        "event.a == event.b",
        "event.a < event.b",
        "event.a + event.b == event.a",
        "event.a in event.b",
        "event.a[event.b] == 1",
        "event.a.a.exists(x, x == event.b)",
        "has(event.a.a.b) ? string(event.b) : event.a",
        "size(event.a) / int(event.b) % 7",
        "timestamp(event.a) < timestamp(event.b)",
        "duration(event.a) == duration(event.b)",
        "event.a.matches('^[a-z]+$') || event.a.startsWith(event.b)",
        "double(event.a) - double(event.b) * 1e308",
        "bytes(event.a) == bytes(event.b) && event.a != -event.b",
    ],
)
def test_whatever_is_looked_at_gives_a_value_or_says_why_not(text, one, other):
    try:
        value = expressions.compile(text, {"event": "map"}).evaluate({"event": {"a": one, "b": other}})
    except EvaluationError as error:
        assert str(error)
    else:
        assert value is None or isinstance(value, bool | int | float | str)
