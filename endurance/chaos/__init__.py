"""The chaos run: what a bad week brings, done on purpose, with written expectations that the run checks.

``make chaos``; docs/chaos.md has the expectations and the figures of a run.
"""
