"""The cases, by the name of the function; each module of this folder holds those of some parts of vtonlib."""

from properties.case import Case
from properties.tables import attention, evaluation, geometry, losses, models, pictures

PARTS = (geometry, attention, losses, evaluation, models, pictures)
CASES: dict[str, Case] = {name: case for part in PARTS for name, case in part.CASES.items()}
