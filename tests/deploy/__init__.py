"""The files under deploy/, each run for real."""
