"""Means of descriptors, diversity, and the Fréchet distance between two sets of molecules by their descriptors."""

from collections.abc import Collection, Sequence

import numpy as np
from jaxtyping import Float

from moldiff.chem.descriptors import DESCRIPTORS, descriptors, diversity
from moldiff.chem.validity import has_stereo

SHOWN = ("qed", "sa", "logp", "weight", "tpsa")
MOST_OF_REFERENCE = 10_000  # molecules
Moments = tuple[Float[np.ndarray, "d"], Float[np.ndarray, "d d"]]  # mean and covariance


def druglike(valid: Sequence[str], reference: Collection[str] | None = None, *, seed: int = 0) -> dict[str, float]:
    """Figures of the valid molecules.

    Args:
        valid: their SMILES, one for each molecule.
        reference: SMILES of the data; of more than `MOST_OF_REFERENCE` a random choice is taken.
        seed: of the choices.

    Returns:
        Means of `SHOWN` (weight in g/mol, tpsa in Å²), `diversity`, with a reference `frechet`; none if RDKit
        reads no molecule.
    """
    ours = descriptors(valid)
    if not len(ours):
        return {}
    means = dict(zip(DESCRIPTORS, ours.mean(0).tolist(), strict=True))
    figures = {name: means[name] for name in SHOWN} | {"diversity": diversity(valid, seed=seed)}
    if reference and len(valid) > 1:
        known = sorted(smiles for smiles in reference if not has_stereo(smiles))  # each molecule once
        chosen = np.random.default_rng(seed).permutation(len(known))[:MOST_OF_REFERENCE]
        if len(chosen) > 1:
            figures["frechet"] = frechet(ours, descriptors([known[i] for i in chosen]))
    return figures


def frechet(ours: Float[np.ndarray, "a d"], theirs: Float[np.ndarray, "b d"]) -> float:
    """Squared Fréchet distance of two normal laws with the means and covariances of two samples.

    |m - n|² + tr(C + D - 2 (C D)^(1/2)), every descriptor in units of its deviation in `theirs`; one that does not vary
    there is left out.

    Args:
        ours: descriptors, a row a molecule, two rows or more.
        theirs: of the reference.

    Returns:
        0 for two samples of the same means and covariances; NaN if nothing varies.

    Source: Heusel et al. 2017, arXiv:1706.08500, eq. 6; for molecules Preuer et al. 2018, arXiv:1803.09518.
    """
    deviation = theirs.std(0)
    varied = deviation > 1e-9
    if not varied.any():
        return float("nan")
    one, two = (sample[:, varied] / deviation[varied] for sample in (ours, theirs))
    c, d = (np.atleast_2d(np.cov(sample, rowvar=False)) for sample in (one, two))
    return frechet_distance((one.mean(0), c), (two.mean(0), d))


def frechet_distance(one: Moments, two: Moments) -> float:
    """Squared Fréchet distance of two normal laws, |m - n|² + tr(C + D - 2 (C D)^(1/2)).

    Args:
        one: mean m and covariance C.
        two: mean n and covariance D.

    Returns:
        0 for the same two laws, otherwise more.

    Source: as of `frechet`.
    """
    (m, c), (n, d) = ((mean.astype(np.float64), covariance.astype(np.float64)) for mean, covariance in (one, two))
    values, vectors = np.linalg.eigh(c)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T  # of c; c d has the eigenvalues of root d root
    between = float(np.sqrt(np.linalg.eigvalsh(root @ d @ root).clip(0)).sum())
    distance = float(((m - n) ** 2).sum() + np.trace(c) + np.trace(d) - 2 * between)
    return max(0.0, distance)  # not below by rounding
