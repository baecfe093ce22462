"""Where the demo's alerts arrive: e-mail by SMTP, webhooks by HTTP, and a page that shows both."""

import asyncio
import email
import email.policy
import json
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from html import escape
from pathlib import Path
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from demo import credentials, signatures
from demo.service import listen
from demo.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,       -- email, webhook
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    signature TEXT NOT NULL   -- valid, invalid, unchecked; empty for e-mail
);
"""
KEPT = 1000  # messages
SHOWN = 100
LARGEST = 1024 * 1024  # bytes of one message

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }
article { border: 1px solid #8886; border-radius: 8px; padding: .75rem 1rem; margin: 1rem 0; }
h1 { font-size: 1.4rem; } h2 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
p { margin: 0; opacity: .75; font-size: .85rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0 0; font-size: .85rem; }
"""
URL = re.compile(r"(https?://[^\s<>\"')]+)")


async def serve(folder: Path, smtp_port: int, http_port: int) -> None:
    """Run until killed."""
    inbox = Inbox(Store(folder / "inbox.sqlite3", SCHEMA), credentials.read_alert_secret(folder))
    app = web.Application(client_max_size=LARGEST)
    app.add_routes(
        [
            web.get("/", inbox.get_page),
            web.get("/style.css", inbox.get_style),
            web.get("/messages.json", inbox.get_messages),
            web.post("/webhook", inbox.post_webhook),
        ]
    )
    await listen(app, http_port)
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(
        lambda: SMTP(inbox, data_size_limit=LARGEST, hostname="inbox.demo", loop=loop),
        "127.0.0.1",
        smtp_port,
    )
    await smtp.serve_forever()


class Inbox:
    """Keeps what arrives, before it says that it has arrived. `secret` empty: signatures are not checked."""

    def __init__(self, store: Store, secret: str) -> None:
        self.store = store
        self.secret = secret

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """What aiosmtpd calls for each e-mail; returns the SMTP answer."""
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        message = email.message_from_bytes(raw, policy=email.policy.default)
        self.keep(
            "email",
            sender=str(message["from"] or envelope.mail_from or ""),
            recipients=", ".join(str(address) for address in envelope.rcpt_tos),
            subject=str(message["subject"] or "").strip(),  # a folded header begins with a space
            body=_text(message),
        )
        return "250 kept"

    async def post_webhook(self, request: web.Request) -> web.Response:
        raw = await request.read()
        signature = "unchecked"
        if self.secret:
            signature = "valid" if signatures.verified(self.secret, request.headers, raw) else "invalid"
        self.keep(
            "webhook",
            sender=request.headers.get("user-agent", ""),
            recipients="/webhook",
            subject="",
            body=raw.decode(errors="replace"),
            webhook_id=request.headers.get("webhook-id", ""),
            signature=signature,
        )
        if signature == "invalid":
            return web.json_response({"detail": "the signature does not fit"}, status=401)
        return web.json_response({"kept": True})

    def keep(self, kind: str, **values: str) -> None:
        row = {"kind": kind, "at": datetime.now(UTC).isoformat(), "webhook_id": "", "signature": ""} | values
        with self.store.transaction() as db:
            db.execute(
                "INSERT INTO messages (at, kind, sender, recipients, subject, body, webhook_id, signature)"
                " VALUES (:at, :kind, :sender, :recipients, :subject, :body, :webhook_id, :signature)",
                row,
            )
            db.execute("DELETE FROM messages WHERE id <= (SELECT max(id) FROM messages) - ?", (KEPT,))

    def newest(self, limit: int) -> list[dict[str, Any]]:
        rows = self.store.db.execute("SELECT * FROM messages ORDER BY id DESC LIMIT ?", (limit,))
        return [dict(row) for row in rows]

    async def get_messages(self, request: web.Request) -> web.Response:
        return web.json_response(self.newest(KEPT), headers=HEADERS)

    async def get_style(self, request: web.Request) -> web.Response:
        return web.Response(text=STYLE, content_type="text/css", headers=HEADERS)

    async def get_page(self, request: web.Request) -> web.Response:
        messages = self.newest(SHOWN)
        body = "".join(map(_article, messages)) or "<p>Nothing has arrived yet.</p>"
        page = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Inbox</title>'
            '<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5">'
            '<link rel="stylesheet" href="/style.css"><h1>Inbox of the demo</h1>'
            "<p>What Amends has sent, newest first. This page renews itself every five seconds.</p>"
            f"{body}</html>"
        )
        return web.Response(text=page, content_type="text/html", headers=HEADERS)


def _text(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain", "html"))
    return str(part.get_content()) if part else ""


def _article(message: dict[str, Any]) -> str:
    at = datetime.fromisoformat(message["at"]).strftime("%H:%M:%S UTC")
    if message["kind"] == "email":
        title = message["subject"] or "(no subject)"
        about = f"E-mail to {message['recipients']} from {message['sender']} · {at}"
    else:
        title = f"Webhook {message['webhook_id']}"
        about = f"Signature {message['signature']} · {at}"
    return (
        f"<article><h2>{escape(title)}</h2><p>{escape(about)}</p>"
        f"<pre>{_linked(_readable(message['body']))}</pre></article>"
    )


def _readable(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


def _linked(text: str) -> str:
    """Escaped text in which addresses of web pages are links."""
    return "".join(
        f'<a href="{escape(part)}">{escape(part)}</a>' if URL.fullmatch(part) else escape(part)
        for part in URL.split(text)
    )
