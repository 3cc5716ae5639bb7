"""The meter of paid calls: what is set aside for them, how long it lasts, and when it ends."""
