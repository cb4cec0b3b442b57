"""Settings of hypothesis: a fixed set of examples, without a time limit for one of them."""

from hypothesis import HealthCheck, settings

quick = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
