"""Entry point of ``python -m ortdoctor``."""

from ortdoctor.cli import main

if __name__ == "__main__":
    main()
