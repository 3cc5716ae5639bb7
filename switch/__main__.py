"""`python3 -m switch`: render the configuration from the environment and run Kamailio, as a container does."""

import os
import sys

from switch import keeper, tls
from switch.environment import settings_from, switch_folder
from switch.render import SettingsError, render


def main() -> None:
    """Render, then run in the foreground with messages on standard error."""
    try:
        settings = settings_from(os.environ)
        folder = switch_folder(os.environ)
        render(folder, settings)
        preload = ["/usr/bin/env", f"LD_PRELOAD={tls.build_guard(folder / 'tls')}"] if settings.tls_port else []
    except (SettingsError, tls.TlsError) as error:
        sys.exit(f"voipbilling: {error}")
    keeper.main(preload)


if __name__ == "__main__":
    main()
