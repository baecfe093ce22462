"""Two texts side by side."""

from hypothesis import given
from hypothesis import strategies as st

from console.web import definition_changes
from console.web.definition_changes import TextLine, text_lines


def test_lines_that_changed_stand_beside_one_another() -> None:
    assert text_lines("a\nb\nc\n", "a\nB\nc\nd\n") == [
        TextLine("same", 1, "a", 1, "a"),
        TextLine("changed", 2, "b", 2, "B"),
        TextLine("same", 3, "c", 3, "c"),
        TextLine("added", None, "", 4, "d"),
    ]


def test_what_did_not_change_is_left_out_and_counted() -> None:
    old = [str(number) for number in range(100)]
    lines = text_lines("\n".join(old), "\n".join([*old[:50], "new", *old[50:]]))
    assert lines
    assert [line.kind for line in lines] == ["skipped", *["same"] * 3, "added", *["same"] * 3, "skipped"]
    assert lines[0].old == "47 lines are the same"


def test_the_same_texts_have_no_lines_and_too_long_ones_none_either() -> None:
    assert text_lines("a\nb", "a\nb") == []
    old = "\n".join(f"a{number}" for number in range(definition_changes.MOST_LINES))
    assert text_lines(old, old.replace("a", "b")) is None
    assert text_lines(old, old.replace("a7\n", "b7\n")) is not None


texts = st.lists(st.sampled_from("abc"), max_size=30).map("\n".join)


@given(old=texts, new=texts)
def test_every_line_that_changed_is_there_once(old: str, new: str) -> None:
    lines = text_lines(old, new)
    assert lines is not None
    for text, numbers in (
        (old.splitlines(), {line.old_number: line.old for line in lines}),
        (new.splitlines(), {line.new_number: line.new for line in lines}),
    ):
        shown = {number: line for number, line in numbers.items() if number}
        assert all(text[number - 1] == line for number, line in shown.items())
    shown_numbers = [line.old_number for line in lines if line.old_number]
    assert shown_numbers == sorted(set(shown_numbers))
    skipped = sum(int(line.old.split()[0]) for line in lines if line.kind == "skipped")
    if old != new:
        assert len(shown_numbers) + skipped == len(old.splitlines())
