"""An example provider: it signs its events and sends them, as a real one would."""

import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from django.http import HttpResponse
from django.test import Client

from kit.http.webhooks import webhook_sign

URL = "/api/provider/events"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_" + "bm90IHRoZSBzZWNyZXQgb2YgdGhlIHByb3ZpZGVy"


@dataclass
class Provider:
    """Signs with `secret`, and believes that it is `late_s` seconds earlier than it is."""

    secret: str = SECRET
    late_s: int = 0
    client: Client = field(default_factory=lambda: Client(enforce_csrf_checks=True))
    _numbers: Any = field(default_factory=itertools.count)

    def send(self, kind: str, data: Mapping[str, Any], **headers: str) -> HttpResponse:
        """Sends one event, signed. `headers` replace those that the provider would send."""
        body = json.dumps({"type": kind, "timestamp": "2026-01-31T12:00:00Z", "data": data}).encode()
        return self.send_body(body, **headers)

    def send_body(self, body: bytes, **headers: str) -> HttpResponse:
        webhook_id, timestamp_s = f"msg_{next(self._numbers)}", int(time.time()) - self.late_s
        signed = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": webhook_sign(
                secret=self.secret, webhook_id=webhook_id, timestamp_s=timestamp_s, body=body
            ),
        }
        replaced = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.post(URL, body, content_type="application/json", headers={**signed, **replaced})
        return cast("HttpResponse", answer)


def code_of(answer: HttpResponse) -> str:
    """The error code of an answer; "done" if the event is in effect."""
    return "done" if answer.status_code == 204 else str(json.loads(answer.content)["code"])
