"""A person with a browser, for benchmarks: logs in to a running portal, sends forms, asks the API."""

import json
import mimetypes
import re
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from http.cookiejar import CookieJar
from typing import Any

CHANGE = "/account/password/"


class Portal:
    """One signed-in session."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self.address = address.rstrip("/")
        self.cookies = CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        self.get("/account/login/")
        if self.form("/account/login/", {"login": user, "password": password}) == CHANGE:
            # A generated password must be replaced before anything else.
            chosen = f"{password}-own"
            self.form(CHANGE, {"oldpassword": password, "password1": chosen, "password2": chosen})

    @property
    def token(self) -> str:
        """Return the CSRF token."""
        return next((cookie.value or "" for cookie in self.cookies if cookie.name == "csrftoken"), "")

    def get(self, path: str) -> str:
        """Return a page."""
        with self.opener.open(self.address + path) as answer:
            return answer.read().decode()

    def json(self, path: str, body: Any = None) -> Any:
        """Ask the API; with a body, POST it."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-CSRFToken": self.token, "Content-Type": "application/json"}
        with self.opener.open(urllib.request.Request(self.address + path, data, headers)) as answer:
            return json.loads(answer.read() or b"null")

    def form(self, path: str, values: dict[str, str], file: tuple[str, str, bytes] | None = None) -> str:
        """Send a form, with a file (field, name, content), and return the address that it leads to."""
        values = {"csrfmiddlewaretoken": self.token, **values}
        if file is None:
            data, kind = urllib.parse.urlencode(values).encode(), "application/x-www-form-urlencoded"
        else:
            data, kind = _multipart(values, file)
        with self.opener.open(urllib.request.Request(self.address + path, data, {"Content-Type": kind})) as answer:
            answer.read()
            return urllib.parse.urlsplit(answer.url).path


def _multipart(values: dict[str, str], file: tuple[str, str, bytes]) -> tuple[bytes, str]:
    border = uuid.uuid4().hex
    field, name, content = file
    parts = [
        f'--{border}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in values.items()
    ]
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    head = f'--{border}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
    head += f"Content-Type: {kind}\r\n\r\n"
    body = b"".join([*parts, head.encode(), content, f"\r\n--{border}--\r\n".encode()])
    return body, f"multipart/form-data; boundary={border}"


def wait_for(found: Any, seconds: float, every: float = 0.05) -> float:
    """Ask until ``found()`` is true and return for how long; raise TimeoutError."""
    start = time.monotonic()
    while not found():
        if time.monotonic() - start > seconds:
            raise TimeoutError
        time.sleep(every)
    return time.monotonic() - start


def state_of(page: str) -> str:
    """Return the word of the first status pill of a page."""
    found = re.search(r'status-dot"></span>([^<]+)<', page)
    return found[1] if found else ""
