"""The tools that tests serve: netsonde's own, and the stubborn one."""

from netsonde.domain.tools import TOOLS as OWN
from tests.contract.stubborn_tools import TOOLS as STUBBORN

TOOLS = (*OWN, *STUBBORN)
