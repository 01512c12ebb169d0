"""Whether a process is alive, asked by those who may see nothing of it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from exporter import cli


async def asked(answer: int, context: ssl.SSLContext | None, *more: str) -> int:
    """The exit status of a health check against a server that gives this status."""

    async def healthy(_: web.Request) -> web.Response:
        return web.Response(status=answer, text="said")

    handler: Callable[[web.Request], Awaitable[web.Response]] = healthy
    application = web.Application()
    application.router.add_get("/-/healthy", handler)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        scheme, port = "https" if context else "http", runner.addresses[0][1]
        url = f"{scheme}://127.0.0.1:{port}/-/healthy"
        return await asyncio.to_thread(cli.main, ["healthcheck", "--url", url, *more])
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("answer", "status"), [(200, 0), (401, 0), (403, 0), (429, 0), (500, 1), (503, 1), (404, 1)]
)
async def test_o08_alive_is_alive(answer: int, status: int) -> None:
    assert await asked(answer, None) == status


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_o08_a_required_client_certificate_is_a_sign_of_life(
    version: ssl.TLSVersion, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = version
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    assert await asked(200, context) == 0
    assert "--cert" in capsys.readouterr().out
    file = tmp_path / "client.pem"
    authority.issue_cert("probe@example.net").private_key_and_cert_chain_pem.write_to_path(file)
    assert await asked(200, context, "--cert", str(file)) == 0
    assert "said" in capsys.readouterr().out


def test_o08_a_certificate_that_cannot_be_used_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "https://127.0.0.1:1/-/healthy"
    assert cli.main(["healthcheck", "--url", url, "--cert", str(tmp_path / "none.pem")]) == 2
    assert "--cert" in capsys.readouterr().err
