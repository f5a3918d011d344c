"""The headers of Standard Webhooks: which message it is, when it was sent, and that it is ours."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

PREFIX = "whsec_"
LEAST_BYTES = 16


def key_of(secret: str) -> bytes:
    """The key that a secret stands for: base64 behind `whsec_`, else the text itself.

    Raises ValueError, which does not show it, where it is too short or not what it says.
    """
    if secret.startswith(PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            raise ValueError(f"what stands behind {PREFIX} is not base64") from None
    else:
        key = secret.encode()
    if len(key) < LEAST_BYTES:
        raise ValueError(f"it is shorter than {LEAST_BYTES} bytes")
    return key


def signed(key: bytes, message_id: str, at_s: int, body: bytes) -> Mapping[str, str]:
    """The three headers of a message with this id, sent at `at_s` (seconds since 1970)."""
    content = b".".join((message_id.encode(), str(at_s).encode(), body))
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(at_s), "webhook-signature": f"v1,{signature}"}
