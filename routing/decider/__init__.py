"""The decider: a small asyncio process that answers the switch from the configuration in memory."""
