"""DID inventory and the mapping of numbers to aliases."""
