"""Health checks in a list of their own, with some that can't be taken."""

from netsonde.domain.health import Priority
from tests.unit.adapters.plugin_samples.health import LicenceCheck, NoCheck, StatusCheck

READY_MADE = StatusCheck()
READY_MADE.name, READY_MADE.priority = "acme.ready", Priority.HIGH

CHECKS = [LicenceCheck, READY_MADE, LicenceCheck, NoCheck, 3]
