"""A mail server on this machine that keeps what it gets, and refuses what it is told to."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller


class Keeper:
    """aiosmtpd's handler: ``answers`` gives the answer to RCPT by address, ``data_answer`` the one to the message."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.answers: dict[str, str] = {}
        self.data_answer = "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if refused := self.answers.get(address):
            return refused
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.data_answer.startswith("250"):
            self.messages.append(BytesParser(policy=default).parsebytes(envelope.content))  # type: ignore[arg-type]
            self.recipients.append(list(envelope.rcpt_tos))
        return self.data_answer


class _OnAnyPort(Controller):
    """Let the system choose the port: aiosmtpd would try to reach port 0."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server() -> Iterator[tuple[Keeper, str, int]]:
    """Run the server; yield its keeper, host and port."""
    keeper = Keeper()
    controller = _OnAnyPort(keeper, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        yield keeper, "127.0.0.1", controller.port
    finally:
        controller.stop()
