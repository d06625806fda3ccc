"""How well the tasks of one network go on held-out molecules, with RDKit's own answer beside it.

python scripts/benchmarks/evaluate_tasks.py --out tasks.json   # --task perception for one of them
"""

import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rdkit import Chem, rdBase
from rdkit.Chem import AllChem, rdMolAlign
from task_fragments import fragments_of, outer_atoms, scaffold_atoms

from moldiff.chem.bond_perception import with_bonds
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.chem.stereo import Graph, graph_of
from moldiff.chem.validity import canonical_smiles, check
from moldiff.data.store.dataset import MoleculeStore, find_store
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.sample import Sample
from moldiff.tasks.bond_sampling import sample_bonds
from moldiff.tasks.conformers import sample_conformers
from moldiff.tasks.fragments import Fragment, grow
from moldiff.tasks.isomers import sample_isomers
from moldiff.tasks.shape import sample_shapes

NEAR = 0.5  # Å; a conformer this close to the geometry of the data covers it
Figures = dict[str, Any]


def main(
    out: Annotated[Path, typer.Option(help="JSON file to write.")] = Path("tasks.json"),
    weights: Annotated[str, typer.Option(help="Shipped weights by name, or a folder.")] = "qm9",
    data: Annotated[str, typer.Option(help="Prepared store: of its test split.")] = "qm9",
    task: Annotated[list[str] | None, typer.Option(help="Only these; repeatable.")] = None,
    scale: Annotated[float, typer.Option(help="Share of the usual number of molecules, for a first look.")] = 1.0,
) -> None:
    """Each task, its figures and seconds."""
    generator, store = MoleculeGenerator.from_pretrained(weights), MoleculeStore(find_store(data))
    order = np.random.default_rng(0).permutation(store.split("test"))
    molecules = [store.molecule(int(index)) for index in order]
    tasks = {
        "perception": (perception, 5000),
        "conformers": (geometries, 1000),
        "isomers": (formulas, 200),
        "decorate": (evaluate_decorating, 500),
        "link": (evaluate_linking, 200),
        "reshape": (evaluate_reshaping, 500),
    }
    figures: Figures = json.loads(out.read_text()) if out.exists() else {}
    for name in task or tasks:
        measure, count = tasks[name]
        start = time.perf_counter()
        figures[name] = measure(generator, molecules, round(scale * count))
        figures[name]["seconds"] = round(time.perf_counter() - start, 1)
        print(name, json.dumps(figures[name]), flush=True)
        out.write_text(json.dumps(figures, indent=1))


def perception(generator: MoleculeGenerator, molecules: list[Molecule], count: int) -> Figures:
    """Exactly the published bonds and charges, and the same where only the Kekulé form differs."""
    given = molecules[:count]
    bare = [replace(m, bond=0 * m.bond, charges=0 * m.charges, properties={}) for m in given]
    start = time.perf_counter()
    samples = list(sample_bonds(generator, bare))
    ours = time.perf_counter() - start
    exact = [same_numbers(m, s.molecule) for m, s in zip(given, samples, strict=True)]
    same = [same_molecule(m, s.result) for m, s in zip(given, samples, strict=True)]
    start = time.perf_counter()
    rdkit = list(with_bonds(bare))
    theirs = time.perf_counter() - start
    sure = np.array([confidence(sample) for sample in samples])
    wrong = ~np.array(same)
    return {
        "count": len(given),
        "exact": sum(exact),
        "same": sum(same),
        "ms": 1000 * ours / len(given),
        "failures": failures(samples),
        "wrong below 0.99 confidence": int((wrong & (sure < 0.99)).sum()),
        "right below 0.99 confidence": int((~wrong & (sure < 0.99)).sum()),
        "RDKit same": sum(same_molecule(m, r) for m, r in zip(given, rdkit, strict=True)),
        "RDKit ms": 1000 * theirs / len(given),
        "RDKit failures": sum(isinstance(r, Failure) for r in rdkit),
    }


def confidence(sample: Sample) -> float:
    """Of the least sure bond."""
    assert sample.molecule is not None
    assert sample.confidence is not None
    return float(sample.confidence[sample.molecule.bond > 0].min(initial=1.0))


def same_numbers(given: Molecule, drawn: Molecule | None) -> bool:
    """Equal Kekulé orders and charges, atom by atom."""
    return drawn is not None and bool((given.bond == drawn.bond).all() and (given.charges == drawn.charges).all())


def same_molecule(given: Molecule, drawn: Chem.Mol | Failure) -> bool:
    """Equal bonds and charges, atom by atom, aromatic bonds being alike."""
    own = check(given)
    if isinstance(drawn, Failure) or isinstance(own, Failure):
        return False
    drawn = Chem.Mol(drawn)
    with rdBase.BlockLogs():
        if Chem.SanitizeMol(drawn, catchErrors=True):
            return False
    return describe(own) == describe(drawn)


def describe(mol: Chem.Mol) -> tuple[list[int], set[tuple[frozenset[int], str]]]:
    """Charges of the atoms, and kinds of the bonds."""
    bonds = {(frozenset((b.GetBeginAtomIdx(), b.GetEndAtomIdx())), str(b.GetBondType())) for b in mol.GetBonds()}
    return [atom.GetFormalCharge() for atom in mol.GetAtoms()], bonds


def geometries(generator: MoleculeGenerator, molecules: list[Molecule], count: int) -> Figures:
    """Conformers beside ETKDG, as it is and after MMFF94: lengths against the data, coverage by five."""
    given = molecules[:count]
    graphs = [graph for m in given for graph in [graph_of(to_rdkit(m))] if isinstance(graph, Graph)]
    assert len(graphs) == len(given)
    start = time.perf_counter()
    one = list(sample_conformers(generator, graphs))
    seconds = time.perf_counter() - start
    five = list(sample_conformers(generator, graphs, num_each=5, seed=1))
    sets = {
        "ours": [
            [s.result for s in five[5 * i : 5 * i + 5] if not isinstance(s.result, Failure)] for i in range(len(given))
        ]
    }
    figures: Figures = {
        "count": len(given),
        "graph and stereo kept": sum(s.valid for s in one),
        "failures": failures(one),
        "ours ms": 1000 * seconds / len(given),
    }
    for name, relaxed in (("ETKDG", False), ("ETKDG and MMFF94", True)):
        start = time.perf_counter()
        sets[name] = [embed_conformers(m, relaxed=relaxed) for m in given]
        figures[f"{name} ms"] = 1000 * (time.perf_counter() - start) / (5 * len(given))
    firsts = {"ours": [[s.result] if not isinstance(s.result, Failure) else [] for s in one]} | {
        name: [mols[:1] for mols in sets[name]] for name in sets if name != "ours"
    }
    for name, found in sets.items():
        errors = [length_error(m, mols[0]) for m, mols in zip(given, firsts[name], strict=True) if mols]
        nearest = [
            min((deviation(m, mol) for mol in mols), default=np.inf) for m, mols in zip(given, found, strict=True)
        ]
        finite = np.array([value for value in nearest if np.isfinite(value)])
        figures[name] = {
            "length error": float(np.mean(errors)),
            "COV": float(np.mean(np.array(nearest) < NEAR)),
            "AMR": float(finite.mean()),
            "AMR median": float(np.median(finite)),
            "none": len(nearest) - len(finite),
        }
    return figures


def embed_conformers(given: Molecule, *, relaxed: bool) -> list[Chem.Mol]:
    """Five conformers by RDKit, as molecules of one conformer each, with the stereo of the coordinates."""
    mol = check(given)
    assert isinstance(mol, Chem.Mol)
    Chem.AssignStereochemistryFrom3D(mol)
    mol.RemoveAllConformers()
    with rdBase.BlockLogs():
        numbers = list(AllChem.EmbedMultipleConfs(mol, 5, randomSeed=0))  # pyright: ignore[reportAttributeAccessIssue]
        if relaxed and numbers:
            AllChem.MMFFOptimizeMoleculeConfs(mol)  # pyright: ignore[reportAttributeAccessIssue]
    return [Chem.Mol(mol, confId=number) for number in numbers]


def length_error(given: Molecule, drawn: Chem.Mol) -> float:
    """Mean absolute error of the bond lengths, Å."""
    bonded = given.bond > 0
    own, other = (np.linalg.norm(p[:, None] - p[None], axis=-1)[bonded] for p in (given.pos, positions(drawn)))
    return float(np.abs(own - other).mean())


def positions(mol: Chem.Mol) -> np.ndarray:
    """Coordinates of its one conformer, Å."""
    return np.array(mol.GetConformer().GetPositions())


def deviation(given: Molecule, drawn: Chem.Mol) -> float:
    """Root mean square over heavy atoms, Å, best superposition, over the automorphisms of the graph."""
    own = Chem.RemoveHs(to_rdkit(given), sanitize=False)
    other = to_rdkit(replace(given, pos=positions(drawn)))
    return float(rdMolAlign.GetBestRMS(Chem.RemoveHs(other, sanitize=False), own))


def formulas(generator: MoleculeGenerator, molecules: list[Molecule], count: int) -> Figures:
    """One molecule for each formula: by one attempt, and by up to three."""
    wanted = [Counter(m.elements.tolist()) for m in molecules[:count]]
    first, third = (list(sample_isomers(generator, wanted, most=most)) for most in (1, 3))
    right = [
        sum(s.valid and s.molecule is not None and Counter(s.molecule.elements.tolist()) == w for s, w in pairs)
        for pairs in (list(zip(samples, wanted, strict=True)) for samples in (first, third))
    ]
    return {"count": count, "one attempt": right[0], "three attempts": right[1], "failures": failures(first)}


def evaluate_decorating(generator: MoleculeGenerator, molecules: list[Molecule], count: int) -> Figures:
    """Murcko scaffolds with their hydrogens, as many atoms to add as the molecule had."""
    return evaluate_growing(generator, fragments_of(molecules, scaffold_atoms, count))


def evaluate_linking(generator: MoleculeGenerator, molecules: list[Molecule], count: int) -> Figures:
    """Two pieces of at least two heavy atoms each, between two bonds that are no ring's."""
    return evaluate_growing(generator, fragments_of(molecules, outer_atoms, count))


def evaluate_growing(generator: MoleculeGenerator, found: list[tuple[Fragment, int]]) -> Figures:
    """Valid, in one piece and unchanged: one attempt at the size of the data; four with sizes that are drawn."""
    by_size: list[Sample] = []
    for added in sorted({added for _, added in found}):
        by_size += grow(generator, [f for f, a in found if a == added], num_added=added, most=1)
    free = list(grow(generator, [f for f, _ in found]))
    ten = list(grow(generator, [f for f, _ in found[:50]], num_each=10, seed=1))
    distinct = [
        len({canonical_smiles(s.result) for s in ten[i : i + 10] if not isinstance(s.result, Failure)})
        for i in range(0, len(ten), 10)
    ]
    return {
        "count": len(found),
        "one attempt, size of the data": sum(s.valid for s in by_size),
        "failures": failures(by_size),
        "size drawn, four attempts": sum(s.valid for s in free),
        "distinct of ten": float(np.mean(distinct)),
    }


def evaluate_reshaping(generator: MoleculeGenerator, molecules: list[Molecule], count: int) -> Figures:
    """Other chemistry for the coordinates of the data."""
    given = molecules[:count]
    samples = list(sample_shapes(generator, given))
    own = [check(m) for m in given]
    same = sum(
        canonical_smiles(s.result) == canonical_smiles(m)
        for s, m in zip(samples, own, strict=True)
        if not isinstance(s.result, Failure) and not isinstance(m, Failure)
    )
    return {
        "count": count,
        "valid": sum(s.valid for s in samples),
        "same molecule": same,
        "failures": failures(samples),
    }


def failures(samples: list[Sample]) -> dict[str, int]:
    """Counts by reason."""
    return dict(Counter(s.result.reason for s in samples if isinstance(s.result, Failure)).most_common())


if __name__ == "__main__":
    torch.set_num_threads(2)
    typer.run(main)
