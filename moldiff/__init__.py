"""moldiff generates 3D molecules by E(3)-equivariant diffusion: sample, train, score.

`__init__.pyi` lists the public names; each is imported when it is first used.
"""

import lazy_loader

__version__ = "0.2.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
