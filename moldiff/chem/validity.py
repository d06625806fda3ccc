"""Strict validity: what RDKit must accept, with nothing repaired, before a molecule counts.

Valid means all of: RDKit sanitises it, without its clean-up step, which rewrites nitro groups and metal bonds; no
radical electrons; no implicit hydrogens; one fragment. The reasons of a `Failure`; a record has the first that holds:

| reason | meaning |
|---|---|
| `unreadable` | the record cannot be parsed |
| `truncated` | the file ends inside the record |
| `element` | an unknown element, or a placeholder such as `*` or `R#` |
| `coordinates` | none, NaN, infinite or huge |
| `size` | no atoms, or more than are supported |
| `bond_type` | a dative, zero-order or query bond |
| `valence` | more bonds than RDKit allows at an atom, or a charge beyond 8 |
| `kekulize` | aromatic bonds without a Kekulé form, outside rings, or of an atom with four neighbours |
| `sanitize` | RDKit's sanitisation fails otherwise |
| `implicit_hydrogen` | a hydrogen that is no atom of its own |
| `radical` | unpaired electrons: an atom with too few bonds for its charge |
| `fragments` | more than one connected part |
| `perception` | RDKit finds no bonds for a geometry that came without |
| `timeout`, `crashed` | RDKit did not end, or ended the process, on it |
| `changed`, `stereo`, `stretched`, `charge` | a completed molecule breaks its promise (`moldiff.tasks` only) |
| `missing` | requested, but not there (scoring only) |
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike

import numpy as np
from rdkit import Chem, rdBase

from moldiff.chem.each import each_atom
from moldiff.chem.kekule import kekule_orders
from moldiff.chem.molecule import AROMATIC, Failure, Molecule, one_line
from moldiff.chem.rdkit_conversion import assign_stereo_from_3d, title, to_rdkit, unusable_record, without_labels
from moldiff.chem.valence import MAX_CHARGE, stable, stable_atoms
from moldiff.errors import DataError

REASONS = (
    "unreadable",
    "truncated",
    "element",
    "coordinates",
    "size",
    "bond_type",
    "valence",
    "kekulize",
    "sanitize",
    "implicit_hydrogen",
    "radical",
    "fragments",
    "perception",
    "timeout",
    "crashed",
    "missing",
)
_UNSANITISED = ("valence", "kekulize", "sanitize")

# Every step of SanitizeMol but the two that change atoms and bonds to make chemistry acceptable.
_CHECKS_ONLY = (
    Chem.SanitizeFlags.SANITIZE_ALL
    ^ Chem.SanitizeFlags.SANITIZE_CLEANUP
    ^ Chem.SanitizeFlags.SANITIZE_CLEANUP_ORGANOMETALLICS
)
Record = Molecule | Chem.Mol | Failure  # what a reader yields and a score takes
Checked = Chem.Mol | Failure  # what a strict check gives


@dataclass(frozen=True)
class Verdict:
    """What holds for one record. A record that was not read holds nothing.

    Attributes:
        name: title of the record.
        read: it is a molecule.
        sanitised: RDKit accepts it.
        no_radicals: sanitised, and no unpaired electrons.
        no_implicit_hydrogens: sanitised, and every hydrogen is an atom.
        one_fragment: connected, whatever else.
        neutral: the charges of its atoms cancel; a valid molecule may be charged.
        num_atoms: atoms read.
        num_stable_atoms: of these, with an allowed total bond order (`moldiff.chem.valence`).
        smiles: canonical, without hydrogens, stereo, isotopes and atom maps; empty unless valid.
        stereo_smiles: with stereo, from the coordinates where there are some.
        failure: the first breach; None means valid.
    """

    name: str = ""
    read: bool = False
    sanitised: bool = False
    no_radicals: bool = False
    no_implicit_hydrogens: bool = False
    one_fragment: bool = False
    neutral: bool = False
    num_atoms: int = 0
    num_stable_atoms: int = 0
    smiles: str = ""
    stereo_smiles: str = ""
    failure: Failure | None = None

    @property
    def valid(self) -> bool:
        """All of the strict conditions."""
        return self.failure is None

    @property
    def stable(self) -> bool:
        """Every atom has an allowed total bond order."""
        return self.read and self.num_stable_atoms == self.num_atoms


def check(molecule: Molecule) -> Chem.Mol | Failure:
    """The sanitised molecule with its conformer if it is strictly valid, otherwise the first breach."""
    mol = to_rdkit(molecule)
    orders = kekule_orders(mol) if (molecule.bond == AROMATIC).any() else None
    if isinstance(orders, Failure):  # some of them RDKit would take for single bonds
        return orders
    implicit, radicals = _accept(mol, every_atom_stable=bool(stable_atoms(molecule).all()))
    failure = implicit or radicals or _fragments(mol)
    return mol if failure is None else failure


def judge(record: Record) -> Verdict:
    """All conditions of one record, each on its own, for rates that show every step."""
    return judge_mol(record)[0]


def judge_mol(record: Record) -> tuple[Verdict, Chem.Mol | None]:
    """As `judge`, and the sanitised molecule if it is valid."""
    if isinstance(record, Failure):
        return Verdict(failure=record), None
    unusable = None if isinstance(record, Molecule) else unusable_record(record, in_space=False)
    if unusable is not None:
        return Verdict(name=title(record), failure=unusable), None
    mol = to_rdkit(record) if isinstance(record, Molecule) else Chem.Mol(record)
    orders = kekule_orders(mol)
    num_stable = 0 if isinstance(orders, Failure) else _count_stable(mol, orders)
    fragments = _fragments(mol)
    strange = orders if isinstance(orders, Failure) and orders.reason == "bond_type" else None
    implicit, radicals = _accept(mol, every_atom_stable=num_stable == mol.GetNumAtoms())
    if isinstance(orders, Failure) and not strange and not (implicit and implicit.reason in _UNSANITISED):
        implicit = radicals = orders  # aromatic bonds that RDKit takes for others
    failure = strange or implicit or radicals or fragments
    verdict = Verdict(
        name=title(mol),
        read=True,
        sanitised=implicit is None or implicit.reason not in _UNSANITISED,
        no_radicals=radicals is None,
        no_implicit_hydrogens=implicit is None,
        one_fragment=fragments is None,
        neutral=Chem.GetFormalCharge(mol) == 0,
        num_atoms=mol.GetNumAtoms(),
        num_stable_atoms=num_stable,
        smiles="" if failure else canonical_smiles(mol),
        stereo_smiles="" if failure else canonical_smiles(mol, stereo=True),
        failure=failure,
    )
    return verdict, None if failure else mol


def as_records(values: object) -> Iterator[Record]:
    """Records that a user has put together: None, which RDKit gives for what it cannot read, is a failure in its place.

    Args:
        values: records.

    Yields:
        Record: one for each.

    Raises:
        DataError: if one is of another kind, such as a SMILES; or if it is one record, or the name of a file.
    """
    wanted = "expected RDKit molecules (of a SMILES: Chem.AddHs(Chem.MolFromSmiles(smiles))) or Molecules"
    if isinstance(values, str | PathLike | Chem.Mol | Molecule | Failure) or not isinstance(values, Iterable):
        raise DataError(f"got {_kind(values)} for a list of records; {wanted}; a file is read by score_file")
    for number, value in enumerate(values, start=1):
        if isinstance(value, Chem.Mol | Molecule | Failure):
            yield value
        elif value is None:
            yield Failure("unreadable", f"record {number} is None: RDKit could not read it")
        else:
            raise DataError(f"record {number} is {_kind(value)}; {wanted}")


def _kind(value: object) -> str:
    return f"a {type(value).__name__}" + (f", {str(value)[:60]!r}" if isinstance(value, str | PathLike) else "")


def canonical_smiles(mol: Chem.Mol, *, stereo: bool = False) -> str:
    """RDKit's canonical SMILES without hydrogens: the identity of a molecule for uniqueness and novelty.

    Isotopes and atom maps are labels of atoms and no part of it; charges are.

    Args:
        mol: sanitised.
        stereo: write stereo, perceived from the coordinates where there are some; without it, mirror images and
            cis/trans isomers are the same molecule, as in the literature.

    Returns:
        The SMILES.
    """
    mol = without_labels(mol)  # at first: RemoveHs keeps hydrogens that have a label
    with rdBase.BlockLogs():
        if stereo and mol.GetNumConformers():
            try:
                assign_stereo_from_3d(mol)
            except RuntimeError:  # of the direction from an atom to another in the same place: no stereo to see
                Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
        elif stereo:
            Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
        else:
            Chem.RemoveStereochemistry(mol)  # otherwise RemoveHs keeps the hydrogens that define a double bond's stereo
        return Chem.MolToSmiles(
            Chem.RemoveHs(mol, updateExplicitCount=True, sanitize=False), isomericSmiles=stereo
        )  # or hydrogens of metals are lost


def identities(mol: Chem.Mol) -> frozenset[str]:
    """Canonical SMILES of a sanitised molecule without stereo and, where that differs, with it."""
    return frozenset((canonical_smiles(mol), canonical_smiles(mol, stereo=True)))


def has_stereo(smiles: str) -> bool:
    """Whether a SMILES has marks of stereo."""
    return any(mark in smiles for mark in "@/\\")


def _accept(mol: Chem.Mol, *, every_atom_stable: bool) -> tuple[Failure | None, Failure | None]:
    """Sanitises in place; what speaks against no implicit hydrogens, and against no radicals.

    RDKit asks less of some odd ions when their atoms may have no implicit hydrogens (CH3-[H-]-CH3), and of others when
    they may ([H+4]). A molecule counts only if it passes both ways; those with strict valences always do.
    """
    failure = sanitise(mol)
    if failure is not None:
        return failure, failure
    implicit, radicals = _electrons(mol)
    if implicit or radicals or every_atom_stable:
        return implicit, radicals
    other = Chem.Mol(mol)
    for atom in each_atom(other):
        atom.SetNoImplicit(not atom.GetNoImplicit())
    failure = sanitise(other)
    return _electrons(other) if failure is None else (failure, failure)


def sanitise(mol: Chem.Mol) -> Failure | None:
    """Sanitises in place, changing no atom and no bond order; the failure, or None."""
    try:
        with rdBase.BlockLogs():
            Chem.SanitizeMol(mol, _CHECKS_ONLY)
    except Chem.AtomValenceException as error:
        return Failure("valence", one_line(error))
    except (Chem.KekulizeException, Chem.AtomKekulizeException) as error:
        return Failure("kekulize", one_line(error))
    except (
        Chem.MolSanitizeException,
        RuntimeError,
    ) as error:  # RuntimeError: RDKit's pre-conditions, on absurd charges
        return Failure("sanitize", one_line(error))
    return None


def _electrons(mol: Chem.Mol) -> tuple[Failure | None, Failure | None]:
    """Implicit hydrogens and radical electrons of a sanitised molecule, each as a failure or None."""
    hydrogens = radicals = 0
    first = ""
    for atom in each_atom(mol):
        if abs(atom.GetFormalCharge()) > MAX_CHARGE:
            where = f"{atom.GetSymbol()} (atom {atom.GetIdx() + 1})"
            failure = Failure(
                "valence", f"{where} has a charge of {atom.GetFormalCharge():+d}; RDKit knows no valence of it"
            )
            return failure, failure
        hydrogens += atom.GetTotalNumHs()
        if atom.GetNumRadicalElectrons():
            radicals += atom.GetNumRadicalElectrons()
            first = first or f"{atom.GetSymbol()} (atom {atom.GetIdx() + 1})"
    return (
        Failure("implicit_hydrogen", f"{hydrogens} hydrogens are not atoms of their own") if hydrogens else None,
        Failure("radical", f"{radicals} unpaired electrons, the first at {first}") if radicals else None,
    )


def _fragments(mol: Chem.Mol) -> Failure | None:
    parts = len(Chem.GetMolFrags(mol))
    if parts == 0:
        return Failure("size", "has no atoms")
    return Failure("fragments", f"{parts} unconnected parts; expected one") if parts > 1 else None


def _count_stable(mol: Chem.Mol, orders: np.ndarray) -> int:
    pairs = np.array([(atom.GetAtomicNum(), atom.GetFormalCharge()) for atom in each_atom(mol)], dtype=np.int64)
    return int(stable(pairs[:, 0], pairs[:, 1], orders.sum(1)).sum()) if len(pairs) else 0
