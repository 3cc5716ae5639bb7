"""System Log, web access log, and the intake of the switch's events."""
