"""Credentials that come back in an answer are blanked."""

import base64

import pytest

from exporter.source import echo

BASIC = f"Basic {base64.b64encode(b'monitor:correct horse').decode()}"


@pytest.mark.parametrize(
    ("sent", "body", "left"),
    [
        ({"Authorization": BASIC}, f"you sent {BASIC}.", "you sent ***."),
        ({"Authorization": BASIC}, f"you sent {BASIC[6:]}.", "you sent ***."),
        ({"authorization": BASIC}, "wrong: correct horse", "wrong: ***"),
        ({"Authorization": "Bearer abcdef123"}, "abcdef123 abcdef123", "*** ***"),
        ({"X-Api-Key": "0123456789"}, "key 0123456789", "key ***"),
        ({"X-Tenant": "satellites"}, "tenant satellites", "tenant satellites"),
        ({"Authorization": "Bearer abc"}, "abc", "abc"),
        ({"Authorization": "Basic !"}, "Basic !", "***"),
    ],
)
def test_what_was_sent_is_not_to_be_read_in_the_answer(sent: dict[str, str], body: str, left: str) -> None:
    assert echo.blanked(body.encode(), sent, frozenset({"x-api-key"})).decode() == left
