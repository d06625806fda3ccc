"""The public names of moldiff.tasks."""

from .bond_sampling import perceive_bonds as perceive_bonds
from .conformers import conformers as conformers
from .growth import decorate as decorate
from .growth import link as link
from .isomers import isomers as isomers
from .routing import Router as Router
from .shape import reshape as reshape
