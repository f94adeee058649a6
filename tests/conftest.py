"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# Time is measured in benchmarks; a slow or busy machine is no failure of a property.
settings.register_profile("ortdoctor", deadline=None)
settings.load_profile("ortdoctor")
