"""App configuration of cdr."""

from importlib import import_module

from django.apps import AppConfig


class CdrConfig(AppConfig):
    name = "cdr"

    def ready(self) -> None:
        for module in (
            "cdr.handlers",
            "cdr.lost_calls",
            "cdr.change_log",
            "cdr.proofs",
            "cdr.vanished",
        ):
            import_module(module)
        import_module("cdr.kinds").register_kinds()
        import_module("cdr.did_arrivals").register()
        import_module("cdr.keepers").register()
