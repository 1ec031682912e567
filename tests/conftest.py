"""Settings of all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# The machines that run these tests are shared and slow at times; no test is judged by the clock.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")
