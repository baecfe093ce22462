"""Text is told from its ground at WCAG AA in both themes: read from the style sheet itself."""

import re

import pytest
from django.conf import settings

SHEET = (settings.BASE_DIR / "console/static/console/tokens.css").read_text()
TOKEN = re.compile(r"--([a-z-]+): (#[0-9a-f]{6});")
TONES = ["ok", "info", "warn", "doubt", "bad", "odd", "undo", "quiet"]

TEXT = [
    *(
        (text, ground)
        for text in ("text", "muted", "link")
        for ground in ("page", "card", "card-soft", "hover", "picked")
    ),
    *((tone, f"{tone}-ground") for tone in TONES),
    *((tone, "card") for tone in TONES),
    ("text", "quiet-ground"),
    ("muted", "quiet-ground"),
    *(("text", f"{tone}-ground") for tone in TONES),
    ("bar-text", "bar"),
    ("bar-muted", "bar"),
    ("bar-text", "bar-field"),
    ("bar-muted", "bar-field"),
    ("bar-text", "bar-field-line"),
    ("badge-text", "badge"),
    ("primary-text", "primary"),
    ("primary-text", "primary-hover"),
    ("code-text", "code"),
]
# Graphics and the edges of controls: 3 : 1.
MARKS = [("control-line", "card"), ("focus", "card"), ("focus", "page"), ("bar-mark", "bar")]


def tokens(theme: str) -> dict[str, str]:
    light, dark = SHEET.split("@media (prefers-color-scheme: dark)")
    found = dict(TOKEN.findall(light))
    return found if theme == "light" else found | dict(TOKEN.findall(dark))


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_can_be_read(theme: str, text: str, ground: str) -> None:
    colours = tokens(theme)
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("mark", "ground"), MARKS)
def test_marks_can_be_seen(theme: str, mark: str, ground: str) -> None:
    colours = tokens(theme)
    assert contrast(colours[mark], colours[ground]) >= 3
