"""`python -m demo prepare` enters the demo's operator, `python -m demo run` makes its past and lets it live."""

import json
import sys
from pathlib import Path

import django


def main() -> None:
    """Obey the command."""
    django.setup()
    from django.conf import settings

    from demo.operator import build, hashed_passwords
    from demo.state import State

    state = State.open(Path(settings.DATA_DIR))
    if sys.argv[1:] == ["prepare"]:
        passwords = hashed_passwords(state)
        # The launcher says when the database is up to date; nothing comes where it gave up.
        if not sys.stdin.readline():
            sys.exit("the database was not brought up to date")
        build(state, passwords)
        print(json.dumps(state.logins))
    else:
        from demo.live import run

        run(state)


if __name__ == "__main__":
    main()
