"""What must be quick, asked on a machine that may be busy for a moment."""

from collections.abc import Callable


def assert_quick(run: Callable[[], float], seconds: float, tries: int = 4) -> None:
    """Fail where every try takes longer: a wait of the product's own comes each time, a busy machine's does not."""
    took: list[float] = []
    while not took or took[-1] >= seconds:
        assert len(took) < tries, f"never below {seconds:g} s: {took}"
        took.append(run())
