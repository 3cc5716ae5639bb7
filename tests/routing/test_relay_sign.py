"""The audio relay's sign of life is its own answer, and silence is none."""

import datetime as dt
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from routing.decider.relay_sign import relay_sign
from switch import relay
from tests.routing.processes import eventually


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def running() -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A real rtpengine, and where it takes orders."""
    program = relay.program()
    if program is None:
        pytest.skip("rtpengine is not installed")
    control = f"127.0.0.1:{free_port()}"
    arguments = ["--foreground", "--table=-1", "--log-stderr", "--interface=127.0.0.1", f"--listen-ng={control}"]
    process = subprocess.Popen(
        [program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield control, process
    process.kill()
    process.wait()


def test_a_relay_that_runs_says_since_when_and_how_many_calls(
    running: tuple[str, "subprocess.Popen[bytes]"],
) -> None:
    control, process = running
    sign = eventually(lambda: relay_sign(control, "sw1"))
    assert (sign.name, sign.kind, sign.details) == ("sw1-relay", "relay", {"sessions": 0})
    assert dt.timedelta(seconds=-2) < dt.datetime.now(dt.UTC) - sign.started_at < dt.timedelta(seconds=60)
    # Each question has a cookie of its own.
    eventually(lambda: relay_sign(control, "sw1"))
    process.kill()
    process.wait()
    assert relay_sign(control, "sw1") is None


@pytest.mark.parametrize(
    "answer", [b"", b"pong", b"{}", b'{"statistics": []}', b'{"statistics": {"totalstatistics": 1}}']
)
def test_an_answer_that_says_nothing_is_no_sign_of_life(answer: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))

        def serve() -> None:
            asked, peer = stranger.recvfrom(1000)
            stranger.sendto(asked.partition(b" ")[0] + b" " + answer, peer)

        answering = threading.Thread(target=serve)
        answering.start()
        assert relay_sign(f"127.0.0.1:{stranger.getsockname()[1]}", "sw1") is None
        answering.join()
