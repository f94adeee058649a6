"""Programs of their own, run in children by ../script.py and ../foreign.py; none is imported by the probe."""
