"""What runs in the switch while it is measured: the product, the product with a part left out, or a bare static route.

Each is the product's own rendered configuration with another spine, so that processes, modules and timers are the same.
"""

import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "switch"
BARE = Path(__file__).resolve().parent / "switch" / "bare.cfg"

DROP_EVENT = """
route[EVENT] {
    $xavp(e) = $null;
    $var(call) = "";
    $var(with_decision) = 0;
}
"""


def spine(variant: str, phone: str) -> str:
    """Return the text of the configuration below local.cfg; ``phone`` is where a static route leads."""
    match variant:
        case "bare":
            return BARE.read_text().replace("VB_SOURCE", str(SOURCE)).replace("VB_BENCH_PHONE", phone)
        case "product" | "no worker":
            return _whole((SOURCE / "events.cfg").read_text())
        case "no events":
            return _whole(_replaced("route[EVENT] {", "route[EVENT_UNUSED] {") + DROP_EVENT)
        case "no record":
            return _whole(_replaced("    route(RECORD);\n", ""))
        case "no queue":
            return _whole(_replaced('    mq_add("events", "$var(attempt)", "$var(event)");\n}', "}", first=True))
    raise ValueError(f"no variant {variant!r}")


VARIANTS = ("bare", "product", "no worker", "no events", "no record", "no queue")


def _replaced(old: str, new: str, *, first: bool = False) -> str:
    text = (SOURCE / "events.cfg").read_text()
    found = text.count(old)
    if found == 0 or (found > 1 and not first):
        raise ValueError(f"events.cfg holds {found} times {old!r}")
    return text.replace(old, new, 1)


def _whole(events: str) -> str:
    """Return the product's spine with its includes by absolute path and this text in place of events.cfg."""
    text = (SOURCE / "kamailio.cfg").read_text()
    text = text.replace('include_file "events.cfg"', events)
    return re.sub(r'include_file "(\w+\.cfg)"', rf'include_file "{SOURCE}/\1"', text)


def install(local: Path, variant: str, phone: str) -> None:
    """Let a rendered local.cfg include the spine of a variant from now on."""
    path = local.with_name("bench.cfg")
    path.write_text(spine(variant, phone))
    text = re.sub(r'(?m)^include_file ".*"$', f'include_file "{path}"', local.read_text())
    local.write_text(text)
