"""What is bound for the configured addresses."""

import socket

import pytest

from exporter.web.sockets import Address, CannotListenError, Endpoint, is_covered, listen
from tests.end_to_end import running


@pytest.mark.parametrize(
    ("endpoint", "by", "covered"),
    [
        (Endpoint("127.0.0.1", 9), Endpoint("0.0.0.0", 9), True),
        (Endpoint("::1", 9), Endpoint("::", 9), True),
        (Endpoint("fe80::1", 9, 2), Endpoint("::", 9), True),
        (Endpoint("127.0.0.1", 9), Endpoint("::", 9), False),
        (Endpoint("::1", 9), Endpoint("0.0.0.0", 9), False),
        (Endpoint("127.0.0.1", 9), Endpoint("0.0.0.0", 8), False),
        (Endpoint("127.0.0.1", 0), Endpoint("0.0.0.0", 0), False),
        (Endpoint("0.0.0.0", 9), Endpoint("0.0.0.0", 9), False),
        (Endpoint("127.0.0.1", 9), Endpoint("127.0.0.1", 9), False),
    ],
)
def test_a_wildcard_covers_the_addresses_of_its_port_and_version(
    endpoint: Endpoint, by: Endpoint, covered: bool
) -> None:
    assert is_covered(endpoint, [Endpoint("192.0.2.1", 9), by]) is covered


@pytest.mark.parametrize(
    ("host", "wildcard", "shown"),
    [
        (None, True, ":9"),
        ("0.0.0.0", True, "0.0.0.0:9"),
        ("::", True, "[::]:9"),
        ("0::0", True, "[0::0]:9"),
        ("::1", False, "[::1]:9"),
        ("fe80::1%eth0", False, "[fe80::1%eth0]:9"),
        ("localhost", False, "localhost:9"),
    ],
)
def test_an_address_is_written_as_it_is_configured(host: str | None, wildcard: bool, shown: str) -> None:
    address = Address(host, 9)
    assert (address.is_wildcard, str(address)) == (wildcard, shown)


async def test_a_start_that_fails_leaves_nothing_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free, used = running.free_port(), taken.getsockname()[1]
        addresses = [Address("127.0.0.1", free), Address("127.0.0.1", used)]
        with pytest.raises(CannotListenError, match=f"cannot listen on 127.0.0.1:{used}: "):
            await listen(addresses, 1)
        socket.create_server(("127.0.0.1", free)).close()
