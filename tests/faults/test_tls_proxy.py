"""F09 and F10: TLS that must not be trusted, and proxies that do not get through."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults import rawserver
from tests.faults.catalogue import fault
from tests.faults.faulty import Faulty, Houses
from tests.source.certificates import CERTIFICATES
from tests.source.endpoint import proxying

NAME = "inventory.invalid"
CA = {"apis.tmf638.tls_config": {"ca_file": "ca.pem"}}


async def secured(it: Faulty, certificate: str, alert: bytes = b"") -> None:
    """The server comes back with another certificate, or as one that only sends this alert."""
    await it.server.stop()
    it.server.certificate, it.server.alert = certificate, alert
    await it.server.start()


@fault(
    9,
    "TLS: expired, wrong host, unknown authority, old protocol",
    "Nothing is sent: kept, reason `tls`; a CA file that is rotated is read again",
    metric='ses_inventory_exporter_refresh_failures_total{reason="tls"}',
    alert="InventoryAccessRefused",
)
async def test_f09_tls_fails_closed_and_a_rotated_authority_is_picked_up(houses: Houses) -> None:
    ours = houses.folder / "ca.pem"
    shutil.copy(CERTIFICATES / "ca.pem", ours)
    async with houses.good(CA, "localhost.pem") as it:
        it.server.heads.clear()
        for certificate in ("expired.pem", "elsewhere.pem"):
            await secured(it, certificate)
            await it.kept("tls")
            await secured(it, "localhost.pem")
            assert it.server.heads == []
            await it.recovers()
            it.server.heads.clear()
        await secured(it, "localhost.pem", rawserver.WRONG_PROTOCOL)
        await it.kept("tls")
        await secured(it, "localhost.pem")
        rotate(CERTIFICATES / "other.pem", ours)
        await it.refresh()
        assert it.own("up") == 0, "an authority that we do not know any more"
        assert it.server.heads == []
        rotate(CERTIFICATES / "ca.pem", ours)
        await it.recovers()


def rotate(new: Path, file: Path) -> None:
    """As configuration management and Kubernetes do it."""
    beside = file.with_suffix(".new")
    shutil.copy(new, beside)
    beside.replace(file)


REFUSES_US = rawserver.says(rawserver.whole(status="407 Proxy Authentication Required"))
NO_WAY = rawserver.says(
    rawserver.whole(b"", "Proxy-Status: squid; error=connection_refused", status="502 Bad Gateway")
)


@fault(
    10,
    "the proxy answers 407 or 502, or is down",
    "Kept, reason `proxy`; its credentials are never logged",
    metric='ses_inventory_exporter_refresh_failures_total{reason="proxy"}',
    alert="InventoryApiFailing",
)
async def test_f10_a_proxy_that_does_not_get_through_is_blamed_itself(houses: Houses) -> None:
    async with rawserver.raw(rawserver.lists(rawserver.carriers())) as proxy:
        changes = {
            "apis.tmf638.url": f"http://{NAME}",
            "apis.tmf638.proxy_url": f"http://me:canary-proxy@127.0.0.1:{proxy.port}",
        }
        async with houses.over(proxy, changes) as it:
            await it.good()
            assert f"GET http://{NAME}/service?" in proxy.heads[0]
            assert "Proxy-Authorization: Basic " in proxy.heads[0]
            await it.keeps(REFUSES_US, "proxy")
            await it.keeps(NO_WAY, "proxy")
            await proxy.stop()
            await it.kept("proxy")
            await proxy.start()
            await it.recovers()


@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "502 Bad Gateway"])
async def test_a_tunnel_that_is_refused_is_the_proxys_fault(houses: Houses, status: str) -> None:
    async with proxying(rawserver.whole(status=status)) as way:
        proxy_url = f"http://me:canary-proxy@127.0.0.1:{way.port}"
        changes = {"apis.tmf638.url": f"https://{NAME}", "apis.tmf638.proxy_url": proxy_url}
        async with houses.over(rawserver.RawServer(rawserver.silence), changes) as it:
            await it.refresh()
            assert it.failures("proxy") == 1
