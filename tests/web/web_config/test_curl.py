"""curl, as an operator would try it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from .served import ALICE, STRICT, USERS, Folder, Served, served


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    found = Folder(tmp_path)
    made = found.authority.issue_cert("prometheus.example.net")
    (tmp_path / "client.pem").write_bytes(made.private_key_and_cert_chain_pem.bytes())
    return found


async def curl(there: Served, folder: Folder, *options: str) -> tuple[int, str]:
    """curl's exit status and the status of the answer; 000 for none."""
    words = ["curl", "-q", "-sS", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", *options]
    child = await asyncio.create_subprocess_exec(
        *words, f"{there.url}/metrics", cwd=folder.path, stdout=-1, stderr=-1
    )
    out, _ = await child.communicate()
    return child.returncode or 0, out.decode()


async def test_curl_is_let_in_with_certificate_and_password_and_not_otherwise(folder: Folder) -> None:
    trust, mine, alice = ("--cacert", "ca.crt"), ("--cert", "client.pem"), ("-u", ":".join(ALICE))
    async with served(
        folder.web(f"{STRICT}  client_allowed_sans: [prometheus.example.net]\n{USERS}")
    ) as there:
        assert await curl(there, folder, *trust, *mine, *alice) == (0, "200")
        assert await curl(there, folder, *trust, *mine) == (0, "401")
        assert (await curl(there, folder, *trust, *alice))[1] == "000"
        assert (await curl(there, folder, *mine, *alice))[1] == "000", "it does not trust us"
        old = ("--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0")
        assert (await curl(there, folder, *trust, *mine, *alice, *old))[1] == "000"
