"""What the rows share with the switch's tests: the providers, numbers and phones."""

from tests.switch.conftest import carrier, network, phone, server  # noqa: F401
