"""Named sessions: what a newcomer runs takes minutes, what is heavier has a name of its own."""

from pathlib import Path

import nox

nox.options.sessions = ["tests", "lint", "types"]
nox.options.reuse_existing_virtualenvs = True


@nox.session
def tests(session: nox.Session) -> None:
    """Run the suite that a newcomer runs."""
    session.install("-e", ".[cpu,dev]")
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session
def heavy(session: nox.Session) -> None:
    """Run what installs real old and new wheels under other interpreters."""
    session.install("-e", ".[cpu,dev]")
    session.run("pytest", "-m", "heavy", *session.posargs)


@nox.session(name="loader-truth")
def loader_truth(session: nox.Session) -> None:
    """Compare what the matrix says of every release with what the dynamic loader and a session say."""
    session.install("-e", ".[cpu,dev]")
    kept = Path(session.create_tmp()) / "pytest"
    session.run("pytest", "-m", "loader_truth", f"--basetemp={kept}", "tests/loader_truth", *session.posargs)
    session.log(f"everything that was said: {kept / 'loader-truth.json'}")


@nox.session
def ward(session: nox.Session) -> None:
    """Build broken environments of real wheels, let ortdoctor diagnose and cure them, prove their health."""
    session.install("-e", ".[cpu,dev]")
    kept = Path(session.create_tmp()) / "pytest"
    session.run("pytest", "-m", "ward", f"--basetemp={kept}", "tests/ward", *session.posargs)
    session.log(f"what became of every patient: {kept / 'ward.json'}")


@nox.session
def limits(session: nox.Session) -> None:
    """Measure the opset and IR limits of releases that compat/limits.json does not have yet."""
    session.install("-e", ".")
    session.run("python", "-m", "tools.measure_limits", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure how long a check takes beside onnxruntime's own print_debug_info(): ``nox -s bench -- --rounds 30``."""
    session.run("python", "-m", "benchmarks.check_time", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Run the linter."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Run the type checker."""
    session.install("-e", ".[cpu,dev]")
    session.run("mypy")


@nox.session
def refresh(session: nox.Session) -> None:
    """Read new wheels of the index into compat/: ``nox -s refresh -- --facts FACTS.json``."""
    session.install("-e", ".[tools]")
    session.run("python", "-m", "tools.refresh_matrix", *session.posargs)
