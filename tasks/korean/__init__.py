"""Hold what people read in Korean, by the English pattern it is written with in the code.

Each line's Korean names the same values as its English, in any order. A word that stands after a value takes no
particle that depends on the value's sound.
"""

from types import MappingProxyType

from tasks.korean.aftercare import AFTERCARE
from tasks.korean.audit import AUDIT
from tasks.korean.checklist import CHECKLIST
from tasks.korean.checks import CHECKS
from tasks.korean.delivery import DELIVERY
from tasks.korean.doings import DOINGS
from tasks.korean.failures import FAILURES
from tasks.korean.guard import GUARD
from tasks.korean.judge import JUDGE
from tasks.korean.names import NAMES
from tasks.korean.plan import PLAN
from tasks.korean.report import REPORT
from tasks.korean.stores import STORES
from tasks.korean.story import STORY
from tasks.korean.survey import SURVEY
from tasks.korean.systems import SYSTEMS
from tasks.korean.terminal import TERMINAL
from tasks.korean.verification import VERIFICATION

__all__ = ["KOREAN", "PARTS"]

PARTS = (
    AFTERCARE,
    AUDIT,
    CHECKLIST,
    CHECKS,
    DELIVERY,
    DOINGS,
    FAILURES,
    GUARD,
    JUDGE,
    NAMES,
    PLAN,
    REPORT,
    STORES,
    STORY,
    SURVEY,
    SYSTEMS,
    TERMINAL,
    VERIFICATION,
)
KOREAN = MappingProxyType({english: korean for part in PARTS for english, korean in part.items()})
