"""`python3 -m switch`: render the configuration from the environment and become Kamailio, as a container does."""

import os
import shutil
import sys

from switch import tls
from switch.environment import settings_from, switch_folder
from switch.render import SettingsError, render


def main() -> None:
    """Render, then run in the foreground with messages on standard error."""
    try:
        settings = settings_from(os.environ)
        folder = switch_folder(os.environ)
        config = render(folder, settings)
        preload = {"LD_PRELOAD": str(tls.build_guard(folder / "tls"))} if settings.tls_port else {}
    except (SettingsError, tls.TlsError) as error:
        sys.exit(f"voipbilling: {error}")
    program = shutil.which("kamailio", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "kamailio"
    arguments = ["-f", str(config), "-DD", "-E", "-w", str(folder), "-Y", str(settings.run_dir)]
    os.execve(program, [program, *arguments], {**os.environ, **preload})  # noqa: S606 no shell is wanted


if __name__ == "__main__":
    main()
