"""SHA-256 digests (RFC 8760) on the real switch: one algorithm for the whole switch, so a switch of its own."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher.ports import free_port

from switch.record import RpcError, call_rpc
from switch.render import render
from tests.stack import ROOT, eventually
from tests.switch.phone import Phone
from tests.switch.test_configuration import KAMAILIO, settings

USER, SECRET = "u1001", "correct horse"


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """A switch with SHA-256 and one phone's credentials, as a decider would have put them there."""
    if not KAMAILIO:
        pytest.skip("kamailio is not installed")
    port = free_port()
    folder, run = tmp_path / "switch", Path("/tmp") / f"vb-sha256-{os.getpid()}"
    evapi = f"127.0.0.1:{free_port()}"
    chosen = {"sip_port": port, "evapi_listen": evapi, "run_dir": run, "state_dir": folder}
    render(folder, settings(tmp_path, digest_algorithm="SHA-256", **chosen))
    environment = {**os.environ, "VOIPBILLING_DATA": str(tmp_path), "VOIPBILLING_RUN": str(run)}
    with (tmp_path / "log").open("w") as log:
        keeper = [sys.executable, "-m", "switch.keeper"]
        process = subprocess.Popen(keeper, cwd=ROOT, env=environment, stdout=log, stderr=log)
    rpc = run / "rpc.sock"

    def filled() -> bool:
        try:
            ha1 = hashlib.sha256(f"{USER}:voipbilling:{SECRET}".encode()).hexdigest()
            call_rpc(rpc, "htable.sets", "cred", USER, ha1)
            call_rpc(rpc, "htable.seti", "counter", "credentials_known", 1)
        except RpcError:
            return False
        return True

    try:
        eventually(filled, what="the switch has the credentials")
        yield ("127.0.0.1", port)
    finally:
        process.terminate()
        process.wait(60)
        for left in run.glob("*"):
            left.unlink()
        run.rmdir()


def test_a_phone_registers_with_sha_256(switch: tuple[str, int]) -> None:
    """Challenge and answer name the algorithm; a wrong secret and an answer by MD5 are refused."""
    with Phone(switch, USER, SECRET, ("127.12.249.1", 0)) as phone:
        assert phone.register() == 200
        challenge = phone.replies[0].header("WWW-Authenticate")
        assert "algorithm=SHA-256" in challenge
        assert phone.register(secret="wrong") == 401
        digest = phone._digest
        phone._digest = lambda text, secret: digest(text.replace("SHA-256", "MD5"), secret)
        assert phone.register() == 401
