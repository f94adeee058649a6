"""The command line: one file per command."""


def main() -> None:
    """Run the command line."""
    raise SystemExit("ortdoctor: no command is built yet")
