"""`python -m launcher`: what bin/run starts once the machine is set up."""

import argparse
import os
import sys
from pathlib import Path

from .errors import StartError
from .folder import DataFolder
from .say import say

ROOT = Path(__file__).resolve().parents[2]


def data_folder(argument: str | None) -> DataFolder:
    """Return the data folder that the command line, else the environment, else the checkout names."""
    return DataFolder(Path(argument or os.environ.get("VOIPBILLING_DATA") or ROOT / ".data"))


def main() -> int:
    """Parse the command line and run the command."""
    parser = argparse.ArgumentParser(prog="launcher", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    services = commands.add_parser("services", help="run only PostgreSQL and Valkey, for development")
    for command in (services,):
        command.add_argument("--data", help="data folder (default: VOIPBILLING_DATA, else .data)")
    services.add_argument("--throwaway", action="store_true", help="faster, and not safe against a power cut")
    arguments = parser.parse_args()
    folder = data_folder(arguments.data)
    try:
        from .run import run_services

        return run_services(folder, throwaway=arguments.throwaway)
    except StartError as error:
        say(f"voipbilling: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
