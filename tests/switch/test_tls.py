"""The certificate of SIP over TLS, and the guard without which a scan of the TLS port ends Debian 12's Kamailio."""

import asyncio
import os
import random
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher.ports import free_port

from switch import tls
from switch.environment import tls_port
from switch.render import SettingsError, find_modules, render
from tests.loops import run_async
from tests.stack import eventually
from tests.switch.test_configuration import KAMAILIO, settings
from tests.switch.wires import unverified


def test_a_certificate_of_its_own_is_made_once_and_private(tmp_path: Path) -> None:
    """Phones that were told to trust it must find it again after a restart."""
    certificate, key = tls.prepare(tmp_path / "tls", ["sip.example.net", "192.0.2.1", "2001:db8::1"])
    assert key.stat().st_mode & 0o777 == 0o600
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", certificate], capture_output=True, text=True
    ).stdout
    for name in ("DNS:sip.example.net", "IP Address:192.0.2.1", "IP Address:2001:DB8:0:0:0:0:0:1"):
        assert name in shown
    before = certificate.read_bytes()
    assert tls.prepare(tmp_path / "tls", ["other.example.net"]) == (certificate, key)
    assert certificate.read_bytes() == before


def test_one_that_is_past_is_made_anew(tmp_path: Path) -> None:
    own, key = tls.prepare(tmp_path, ["192.0.2.1"])
    past = ["-set_serial", "1", "-days", "-1", "-signkey", key, "-out", own]
    subprocess.run(["openssl", "x509", "-in", own, *past], check=True, capture_output=True)
    before = own.read_bytes()
    assert tls.prepare(tmp_path, ["192.0.2.1"])[0].read_bytes() != before


def test_a_certificate_that_cannot_work_is_named(tmp_path: Path) -> None:
    mine, key = tls.prepare(tmp_path / "a", ["a"])
    other = tls.prepare(tmp_path / "b", ["b"])[1]
    with pytest.raises(tls.TlsError, match="set both"):
        tls.prepare(tmp_path, [], mine, None)
    with pytest.raises(tls.TlsError, match=r"SIP_TLS_CERTIFICATE .*No such file"):
        tls.prepare(tmp_path, [], tmp_path / "none.pem", key)
    with pytest.raises(tls.TlsError, match="KEY_VALUES_MISMATCH"):
        tls.prepare(tmp_path, [], mine, other)
    locked = tmp_path / "locked.pem"
    subprocess.run(["openssl", "pkey", "-in", key, "-aes128", "-passout", "pass:x", "-out", locked], check=True)
    with pytest.raises(tls.TlsError, match="encrypted"):
        tls.prepare(tmp_path, [], mine, locked)
    chosen = settings(tmp_path, tls_port=5061, tls_certificate=mine, tls_key=other)
    with pytest.raises(SettingsError, match="SIP_TLS_CERTIFICATE"):
        render(tmp_path, chosen)


def test_without_a_compiler_or_openssl_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(tls.TlsError, match="apt-get install tcc"):
        tls.build_guard(tmp_path)
    with pytest.raises(tls.TlsError, match="apt-get install openssl"):
        tls.prepare(tmp_path, ["a"])


def test_a_guard_that_cannot_be_loaded_is_no_guard(guard: Path) -> None:
    """The loader goes on without it, as where the data folder is mounted noexec; the switch must not."""
    guard.write_bytes(b"not a library")
    with pytest.raises(tls.TlsError, match="cannot be loaded"):
        tls.build_guard(guard.parent)


@pytest.mark.parametrize(
    ("environment", "port"),
    [
        ({}, 5061),
        ({"SIP_PORT": "5080"}, 5081),
        ({"SIP_TLS_PORT": "7061"}, 7061),
        ({"SIP_TLS_PORT": "off"}, 0),
        ({"SIP_TLS_PORT": "0"}, 0),
    ],
)
def test_the_port_follows_the_sip_port(environment: dict[str, str], port: int) -> None:
    assert tls_port(environment) == port


@pytest.fixture
def guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The guard as the compiler makes it that bin/setup.sh installs."""
    if shutil.which("tcc"):
        monkeypatch.setattr(tls, "COMPILERS", ("tcc",))
    return tls.build_guard(tmp_path)


@pytest.fixture
def scanned(guard: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen, int]]:
    """A bare Kamailio with our TLS configuration and the guard, and its TLS port."""
    if not KAMAILIO:
        pytest.skip("kamailio is not installed")
    port = free_port()
    (tmp_path / "tls.cfg").write_text(tls.module_configuration(*tls.prepare(tmp_path, ["127.0.0.1"])))
    (tmp_path / "bare.cfg").write_text(
        f"#!KAMAILIO\nlog_stderror=yes\nchildren=1\ntcp_children=8\nenable_tls=yes\nlisten=tls:127.0.0.1:{port}\n"
        f'mpath="{find_modules()}/"\nloadmodule "tls.so"\nloadmodule "sl.so"\n'
        f'modparam("tls", "config", "{tmp_path}/tls.cfg")\n'
        'request_route { sl_send_reply("200", "OK"); }\n'
    )
    command = [KAMAILIO, "-f", str(tmp_path / "bare.cfg"), "-DD", "-E", "-Y", str(tmp_path), "-m", "64"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            command, env={**os.environ, "LD_PRELOAD": str(guard)}, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process, port
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def test_a_scan_of_the_tls_port_does_not_end_the_switch(scanned: tuple[subprocess.Popen, int]) -> None:
    """Broken handshakes in several processes at once; without the guard they end it (Kamailio's issue 3791)."""
    process, port = scanned
    eventually(lambda: _answers(port), what="the TLS port answers")
    run_async(_scan(port, seconds=4))
    eventually(lambda: _answers(port), what="the TLS port still answers")
    assert process.poll() is None


def _answers(port: int) -> bool:
    try:
        return run_async(_options(port, unverified()))
    except OSError:
        return False


async def _options(port: int, context: ssl.SSLContext) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    name = os.urandom(8).hex()
    writer.write(
        (
            f"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK{name}\r\nCall-ID: {name}\r\n"
            "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\nContent-Length: 0\r\n\r\n"
        ).encode()
    )
    answer = await asyncio.wait_for(reader.read(2000), 5)
    writer.transport.abort()
    return answer.startswith(b"SIP/2.0 200")


async def _scan(port: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    untrusting = ssl.create_default_context()
    rubbish = (b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x01\x00\xc0\x01\x00\x00\xbc\x03\x03")

    async def visitor() -> None:
        while time.monotonic() < end:
            kind = random.choice(("trusting", "untrusting", "rubbish", "rubbish"))
            try:
                if kind == "rubbish":
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.write(random.choice(rubbish) + os.urandom(200))
                    await writer.drain()
                    writer.transport.abort()
                else:
                    await _options(port, unverified() if kind == "trusting" else untrusting)
            except (OSError, TimeoutError):
                continue

    await asyncio.gather(*(visitor() for _ in range(30)))
