"""The inbox keeps what Amends sends, and shows it without being taken in by it."""

import json
import smtplib
from email.message import EmailMessage
from typing import Any

import httpx
import pytest

from demo import signatures
from tests.demo.running import HTTP, SECRET, WRONG_SECRET, Demo, wait_for

# One worker runs what shares one demo.
pytestmark = pytest.mark.xdist_group("demo")


@pytest.fixture
def url(demo: Demo) -> str:
    url = f"http://127.0.0.1:{demo.inbox_port}"

    def answers() -> bool:
        try:
            return HTTP.get(url).is_success
        except httpx.TransportError:
            return False

    wait_for(answers)
    return url


def messages(url: str) -> list[dict[str, Any]]:
    return list(HTTP.get(f"{url}/messages.json").json())


def test_an_email_is_kept_and_shown_escaped_with_its_links(demo: Demo, url: str) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "amends@shop.example", "oncall@shop.example"
    message["Subject"] = "ship parcel <never> answered"
    message.set_content("Größe <script>alert(1)</script>\nhttp://127.0.0.1:8000/problems/1?a=1&b=2\n")
    with smtplib.SMTP("127.0.0.1", demo.smtp_port) as smtp:
        smtp.send_message(message)
    kept = messages(url)[0]
    assert (kept["kind"], kept["subject"]) == ("email", "ship parcel <never> answered")
    assert (kept["recipients"], kept["body"].splitlines()[0]) == (
        "oncall@shop.example",
        "Größe <script>alert(1)</script>",
    )
    page = HTTP.get(url)
    assert "<script>" not in page.text
    assert "ship parcel &lt;never&gt; answered" in page.text
    assert '<a href="http://127.0.0.1:8000/problems/1?a=1&amp;b=2">' in page.text
    assert page.headers["content-security-policy"] == "default-src 'none'; style-src 'self'"


@pytest.mark.parametrize(
    ("secret", "status", "signature"), [(SECRET, 200, "valid"), (WRONG_SECRET, 401, "invalid")]
)
def test_a_webhook_is_kept_with_what_its_signature_is_worth(
    url: str, secret: str, status: int, signature: str
) -> None:
    body = json.dumps({"problem": "ship parcel never answered", "sagas": 12})
    headers = signatures.sign(secret, f"msg-{signature}", body)
    assert HTTP.post(f"{url}/webhook", content=body, headers=headers).status_code == status
    kept = messages(url)[0]
    assert (kept["kind"], kept["webhook_id"], kept["signature"]) == ("webhook", f"msg-{signature}", signature)
    assert f"Signature {signature}" in HTTP.get(url).text
    assert json.loads(kept["body"])["sagas"] == 12
