"""A channel's config from what was typed or stands in a file, by the fields of its kind (pure)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sagas.addresses import is_mail_address, is_web_address
from sagas.alerts.channels.kind import MANY, SECRETS, Field, FieldType, Kind

# Entries of a list.
MOST = 50


class ConfigError(ValueError):
    """A config that cannot be taken: what is wrong, by the field's name; "" where it is about several."""

    def __init__(self, complaints: Mapping[str, str]) -> None:
        super().__init__(" ".join(complaints.values()))
        self.complaints = dict(complaints)


def read(kind: Kind, given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Raises `ConfigError`.

    `given`: texts, of lists also lists. `before`: the config in the clear, of which an empty secret is kept.
    """
    config: dict[str, Any] = {}
    complaints: dict[str, str] = {}
    for field in kind.fields:
        value = _value(field, given.get(field.name), before)
        complaint = next(_complaints(field, value), "")
        if complaint:
            complaints[field.name] = complaint
        config[field.name] = value
    if not complaints:
        said = " ".join(kind.check(config))
        complaints = {"": said} if said else {}
    if complaints:
        raise ConfigError(complaints)
    return config


def _value(field: Field, given: Any, before: Mapping[str, Any]) -> Any:
    if field.type == FieldType.FLAG:
        return given in {True, "on", "true", "1"}
    if field.type in MANY:
        texts = given if isinstance(given, list | tuple) else re.split(SPLITS[field.type], str(given or ""))
        return tuple(dict.fromkeys(filter(None, (str(text).strip() for text in texts))))
    text = str(given or "").strip()
    if not text and field.type in SECRETS:
        return before.get(field.name, "")
    return text or field.default


SPLITS = {FieldType.MAILS: r"[\n,;]", FieldType.ADDRESSES: r"\s+", FieldType.LINES: r"\n"}


def _complaints(field: Field, value: Any) -> Iterator[str]:
    if field.required and not value:
        yield f"{field.label}: give a value."
    texts = value if isinstance(value, tuple) else (value,) if isinstance(value, str) and value else ()
    if len(texts) > MOST:
        yield f"{field.label}: give at most {MOST}."
    for text in texts:
        if len(text) > field.longest:
            yield f"{field.label}: give at most {field.longest} characters."
        if not text.isprintable():
            yield f"{field.label}: leave out characters that nobody sees."
        if field.type == FieldType.MAILS and not is_mail_address(text):
            yield f"{field.label}: {text!r} is no e-mail address."
        if field.type in {FieldType.ADDRESS, FieldType.ADDRESSES} and not is_web_address(text):
            yield f"{field.label}: {text!r} is no http or https address."
        if field.type == FieldType.SECRET_ADDRESS and not is_web_address(text):
            yield f"{field.label}: give an http or https address."
        if field.type == FieldType.CHOICE and text not in dict(field.choices):
            yield f"{field.label}: choose one of {', '.join(name for name, _ in field.choices)}."
