"""`python -m launcher`: what bin/run starts once the machine is set up."""

import argparse
import os
import sys
from pathlib import Path

from .errors import StartError
from .folder import DataFolder
from .say import say
from .signals import Stop, listen

ROOT = Path(__file__).resolve().parents[2]


def data_folder(argument: str | None) -> DataFolder:
    """Return the data folder that the command line, else the environment, else the checkout names."""
    return DataFolder(Path(argument or os.environ.get("VOIPBILLING_DATA") or ROOT / ".data"))


def main() -> int:
    """Parse the command line and run the command."""
    parser = argparse.ArgumentParser(prog="launcher", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the whole product")
    run.add_argument("--demo", action="store_true", help="with an invented operator, in a data folder of its own")
    commands.add_parser("demo-reset", help="remove the demo's data folder")
    commands.add_parser("services", help="run only PostgreSQL and Valkey, for development")
    commands.add_parser("prepare", help="prepare PostgreSQL for the product once, where other means run it")
    for name, what in (("manage", "a Django command"), ("pg", "one of PostgreSQL's programs")):
        outside = commands.add_parser(name, help=f"run {what} against the running product (bin/{name})")
        outside.add_argument("arguments", nargs=argparse.REMAINDER)
    for kind, what in (("switch", "a further switch"), ("worker", "a further ingest worker")):
        node = commands.add_parser(kind, help=f"run {what} beside an installation that runs already")
        node.add_argument("--name", required=True, help="its name, which no other node has: small letters, digits, -")
    for command in commands.choices.values():
        command.add_argument("--data", help="data folder (default: VOIPBILLING_DATA, else .data)")
        command.add_argument("--throwaway", action="store_true", help="faster, and not safe against a power cut")
    arguments = parser.parse_args()
    try:
        listen()
        obey(arguments)
    except Stop:
        return 0
    except StartError as error:
        say(f"voipbilling: {error}")
        return 1
    return 0


def obey(arguments: argparse.Namespace) -> None:
    """Run the command."""
    # Imported late: this takes a while, and a signal must already find its handler.
    from . import demo
    from .node import run_switch_node, run_worker_node
    from .outside import client, manage
    from .run import run_prepare, run_product, run_services

    folder = data_folder(arguments.data)
    match arguments.command:
        case "run":
            run_product(folder, throwaway=arguments.throwaway, demo_wanted=arguments.demo)
        case "demo-reset":
            demo.reset(folder)
        case "services":
            run_services(folder, throwaway=arguments.throwaway)
        case "prepare":
            run_prepare(folder)
        case "switch":
            run_switch_node(folder, arguments.name)
        case "worker":
            run_worker_node(folder, arguments.name)
        case "manage":
            manage(folder, arguments.arguments)
        case "pg":
            client(folder, arguments.arguments)


if __name__ == "__main__":
    sys.exit(main())
