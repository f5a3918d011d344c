"""Messages are signed as Standard Webhooks says, against an example of that specification."""

import base64
import hashlib
import hmac

import pytest

from emit.signature import key_of, signed


def test_a_message_is_signed_as_in_the_example_of_the_specification() -> None:
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    found = signed(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert found == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_secret_is_base64_behind_its_prefix_and_else_text() -> None:
    assert key_of("a plain text that is long") == b"a plain text that is long"
    text = f"whsec_{base64.b64encode(b'0123456789abcdef').decode()}"
    assert key_of(text) == b"0123456789abcdef"
    content = hmac.digest(b"0123456789abcdef", b"id.5.body", hashlib.sha256)
    assert signed(key_of(text), "id", 5, b"body")["webhook-signature"] == f"v1,{base64.b64encode(content).decode()}"


@pytest.mark.parametrize("secret", ["tiny", "whsec_c2hvcnQ=", "whsec_no base64 at all, though long enough"])
def test_a_secret_that_is_none_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(ValueError, match=r"shorter|base64") as found:
        key_of(secret)
    assert secret not in str(found.value)
