"""Networks from outside the package, imported by the name that a user or the settings of a run on this machine give."""

import os
import sys
from importlib import import_module

from moldiff.config.model import ModelConfig
from moldiff.diffusion.denoiser import NetworkFactory
from moldiff.errors import ConfigError


def import_network(name: str) -> NetworkFactory:
    """A class by its name, `package.module:Class`; the module may lie in the working directory.

    Only for names from the command line or from the settings of a run, never for one that a bundle gives.

    Args:
        name: of the class.

    Returns:
        The class.

    Raises:
        ConfigError: if there is no such module or class in it.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ConfigError(f"network {name!r}: expected package.module:Class")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # last, so that nothing installed is hidden
    try:
        return getattr(import_module(module), attribute)
    except ImportError as error:
        raise ConfigError(f"network {name}: cannot be imported: {error}") from error
    except AttributeError as error:
        raise ConfigError(f"network {name}: {module} has no {attribute}") from error


def network_of(name: str | None) -> NetworkFactory | None:
    """The class of this name; None, without a name, for the network of this package."""
    return None if name is None else import_network(name)


def network_of_run(config: ModelConfig) -> NetworkFactory | None:
    """The class that the settings of a run on this machine name; None where it is the network of this package."""
    return network_of(config.network_class)
