"""moldiff generates 3D molecules by E(3)-equivariant diffusion: sample, train, score."""

__version__ = "0.1.0"
