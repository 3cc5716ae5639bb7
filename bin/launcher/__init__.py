"""Start, watch and stop every process of voipbilling on one machine."""
