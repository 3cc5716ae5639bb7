"""What became of an access."""

from core.choices import ColouredChoices


class AccessResult(ColouredChoices):
    """Red only for what a person should look at: somebody tried to log in and was not who they said."""

    OK = "ok", "secondary", "OK"
    LOGIN = "login", "green", "Logged in"
    LOGOUT = "logout", "secondary", "Logged out"
    CODE_ASKED = "code asked", "secondary", "Code asked for"
    LOGIN_FAILED = "login failed", "red", "Login failed"
    LOGIN_REFUSED = "login refused", "orange", "Login refused"
    NOT_LOGGED_IN = "not logged in", "secondary", "Not logged in"
    FORBIDDEN = "forbidden", "orange", "Forbidden"
    NOT_FOUND = "not found", "secondary", "Not found"
    THROTTLED = "throttled", "orange", "Throttled"
    REFUSED = "refused", "secondary", "Refused"
    ERROR = "error", "red", "Error"
