"""`python3 -m switch`: render the configuration from the environment and become Kamailio, as a container does."""

import os
import shutil
import sys

from switch.environment import settings_from, switch_folder
from switch.render import SettingsError, render


def main() -> None:
    """Render, then run in the foreground with messages on standard error."""
    try:
        settings = settings_from(os.environ)
        folder = switch_folder(os.environ)
        config = render(folder, settings)
    except SettingsError as error:
        sys.exit(f"voipbilling: {error}")
    program = shutil.which("kamailio", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "kamailio"
    arguments = ["-f", str(config), "-DD", "-E", "-w", str(folder), "-Y", str(settings.run_dir)]
    os.execv(program, [program, *arguments])  # noqa: S606 no shell is wanted


if __name__ == "__main__":
    main()
