"""Evaluation of inbound calls, the snapshot it reads, the decider, and its reasons."""
