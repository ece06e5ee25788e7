"""Groups of terms against the source study's own filing (21 terms of its table), and against terms that only look alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecgwas.genes.sources import ontologies, term_words
from ecgwas.genes.sources.ontologies import Ancestry
from ecgwas.genes.sources.term_groups import FUNCTIONS, Grouper
from ecgwas.genes.sources.term_roots import ROOTS
from ecgwas.study import Enrichment, Gprofiler, GwasCatalog, Ontologies, StringDb
from tests.conftest import ROOT

STUDY = {
    "cardiovascular": (
        "Coronary atherosclerosis measurement", "Arterial disorder", "Heart rate", "Heart function measurement",
        "Cardiovascular disease", "Extracellular matrix structural constituent", "Heart disease", "Blood pressure",
        "Diastolic blood pressure", "Cardiovascular disease biomarker measurement",
        "Guanyl-nucleotide exchange factor activity", "Pulse pressure measurement", "Abnormal heart valve morphology",
        "Heart valve morphology", "Calcium ion binding",
    ),
    "metabolic": (
        "Glucose metabolism measurement", "Triacylglycerol 52:2 measurement", "Phosphatidylcholine measurement",
    ),
    "immune": ("Susceptibility to cold sores measurement", "Anti-thyroglobulin antibody measurement"),
    "neurological": ("Actin binding",),
}  # fmt: skip
FILED = [(name, group) for group, names in STUDY.items() for name in names]
WORDS = Grouper(StringDb())

OBO = """format-version: 1.2

[Term]
id: EFO:0004298
name: cardiovascular measurement

[Term]
id: EFO:0004326
name: pulse count
synonym: "beats a \\"minute\\"" EXACT [X:1]
synonym: "speed" BROAD []
is_a: EFO:0004298 {source="X:2"} ! cardiovascular measurement

[Term]
id: HP:0000707
name: Abnormality of the nervous system

[Term]
id: HP:0002119
name: Ventriculomegaly
is_a: HP:0012443 ! Abnormality of brain morphology

[Term]
id: HP:0012443
name: Abnormality of brain morphology
alt_id: HP:0007364
is_a: HP:0000707 ! Abnormality of the nervous system

[Term]
id: HP:0001297
name: Apoplexy
is_a: HP:0012443
is_a: HP:0001626

[Term]
id: EFO:0009999
name: Strange test
is_a: EFO:0009998 ! made up, a ring
relationship: part_of EFO:0009998

[Term]
id: EFO:0009998
name: Ring
is_a: EFO:0009999

[Term]
id: X:5
name: Metabolic Disease

[Term]
id: X:6
name: thing of sugar
relationship: part_of X:5 ! Metabolic Disease
relationship: regulates EFO:0004298

[Term]
id: X:7
name: regulator
relationship: regulates EFO:0004298

[Term]
id: GO:0007155
name: gone
is_a: EFO:0004298
is_obsolete: true
"""


@pytest.fixture(scope="module")
def ancestry(tmp_path_factory: pytest.TempPathFactory) -> Ancestry:
    """A few terms as the ontologies write them."""
    path = tmp_path_factory.mktemp("obo") / "some.obo"
    path.write_text(OBO)
    return ontologies.read_ancestry(Ontologies(files=(path,)))


@pytest.mark.parametrize(("name", "group"), FILED)
def test_the_study_s_terms_are_of_its_groups_by_words_alone(name: str, group: str) -> None:
    found = WORDS.of("EFO:1", name)
    assert found.name == group
    assert found.reason
    assert WORDS.columns("EFO:1", name)["cardiovascular"] is (group == "cardiovascular")


@pytest.mark.parametrize(("name", "group"), FILED)
@pytest.mark.parametrize("spell", ["{} (GO:0005509)", "GOMF_{}", "{} Homo sapiens hsa04020", "{} R-HSA-1500931", "  {} "])
def test_the_same_as_collections_of_terms_spell_them(name: str, group: str, spell: str) -> None:
    text = spell.format(name)
    text = text.upper().replace(" ", "_").replace("-", "_") if text.startswith("GOMF") else text
    assert WORDS.of(text, "").name == group


@pytest.mark.parametrize(
    "name",
    [
        "calcium-dependent cell adhesion", "calcium ion transport", "calcium-mediated signaling", "calmodulin binding",
        "GTPase activity", "GTP binding", "actin filament organization", "extracellular matrix organization",
        "structural constituent of ribosome", "collagen binding", "Heartburn", "Atrichia", "cardiolipin binding",
        "Heart-shaped face", "Nocardiosis", "Gastric cardia carcinoma", "Ileocecal valve", "Nasal valve", "eQTL mapping",
        "QTL", "discharge from headquarters", "Descartes", "Avascular necrosis of the femoral head", "Heat stroke",
        "myosin power stroke", "circadian pacemaker activity", "Skeletal muscle contraction", "bone mineral density",
        "Depressed nasal bridge", "glycoprotein binding", "protein binding", "DNA repair", "hair", "Ocular hypertension",
    ],
)  # fmt: skip
def test_what_looks_like_heart_or_vessels_and_is_not(name: str) -> None:
    assert WORDS.of("X:1", name).name != "cardiovascular"


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("Tachycardia", "cardiovascular"), ("pericarditis", "cardiovascular"), ("atrial septal defect", "cardiovascular"),
        ("Prolonged QT interval", "cardiovascular"), ("cerebrovascular disorder", "cardiovascular"),
        ("long QT", "cardiovascular"),
        ("REACTOME_CARDIAC_CONDUCTION", "cardiovascular"), ("Dysrhythmia of the heart", "cardiovascular"),
        ("ventriculomegaly with brain atrophy", "neurological"), ("mitral cell layer", "other"), ("Seizure", "neurological"),
        ("synaptic vesicle", "neurological"), ("dendritic cell", "immune"), ("memory T cell", "immune"),
        ("autoimmune diabetes", "immune"), ("LDL cholesterol measurement", "metabolic"), ("hypoglycemia", "metabolic"),
        ("dyslipidemia", "metabolic"), ("meningoencephalitis infection", "immune"), ("zinc ion binding", "other"),
        ("diabetic cardiomyopathy", "cardiovascular"), ("regulation of protein metabolic process", "other"),
        ("Metabolism of RNA", "other"), ("metabolite measurement", "metabolic"),
        ("pulmonary arterial hypertension", "cardiovascular"),
        ("protein binding", "other"), ("axon", "neurological"),
    ],
)  # fmt: skip
def test_words(name: str, group: str) -> None:
    found = WORDS.of("X:1", name)
    assert found.name == group
    assert (found.reason is None) is (group == "other")


def test_reasons_say_where_the_group_comes_from(ancestry: Ancestry) -> None:
    grouper = Grouper(Enrichment(terms=Path("x")), ancestry)
    assert grouper.of("EFO:0004326", "pulse count").reason == "ancestry: EFO:0004298 cardiovascular measurement"
    assert grouper.of("X:9", "Blood pressure").reason == "word: blood pressure"
    assert str(grouper.of("GO:0005509", "calcium ion binding").reason).startswith("so classified by the source study")
    assert grouper.of("X:9", "hair").reason is None


@pytest.mark.parametrize(
    ("identifier", "description", "group"),
    [
        ("EFO:0004326", "", "cardiovascular"),
        ("EFO_0004326", "", "cardiovascular"),
        ("pulse count", "", "cardiovascular"),
        ("Pulse Count (EFO:0004326)", "", "cardiovascular"),
        ("X:1", 'Beats a "minute"', "cardiovascular"),
        ("X:1", "speed", "other"),
        ("HP:0002119", "Ventriculomegaly", "neurological"),
        ("HP:0007364", "", "neurological"),
        ("HP:0001297", "Apoplexy", "cardiovascular"),
        ("EFO:0009999", "Strange test", "other"),
        ("EFO:0009999", "Strange heart test", "cardiovascular"),
        ("thing of sugar", "", "metabolic"),
        ("regulator", "", "other"),
        ("GO:0007155", "gone", "other"),
    ],
)
def test_ancestry_by_identifier_name_and_exact_synonym(
    ancestry: Ancestry, identifier: str, description: str, group: str
) -> None:
    assert Grouper(Gprofiler(), ancestry).of(identifier, description).name == group


def test_an_ontology_outweighs_words(ancestry: Ancestry) -> None:
    words = StringDb(cardiovascular=("brain",), cardiovascular_except=())
    assert Grouper(words).of("HP:0012443", "Abnormality of brain morphology").name == "cardiovascular"
    assert Grouper(words, ancestry).of("HP:0012443", "Abnormality of brain morphology").name == "neurological"


def test_the_docs_hold_every_word_and_root() -> None:
    page = (ROOT / "docs" / "genes.md").read_text()
    lists = (term_words.CARDIOVASCULAR, term_words.CARDIOVASCULAR_EXCEPT, term_words.IMMUNE, term_words.NEUROLOGICAL,
             term_words.METABOLIC)  # fmt: skip
    assert [entry for entries in lists for entry in entries if f"`{entry}`" not in page] == []
    assert [root for roots in ROOTS.values() for root in roots if root not in page] == []
    assert [name for name in FUNCTIONS if name.replace("guanyl n", "guanyl-n") not in " ".join(page.split())] == []


def test_the_user_s_words_are_theirs() -> None:
    mine = Grouper(StringDb(cardiovascular=("hair", ""), cardiovascular_except=("hairy cell",), metabolic=()))
    assert mine.of("X:1", "Hair colour").name == "cardiovascular"
    assert mine.of("X:1", "hairy-cell leukaemia").name == "other"
    assert mine.of("X:1", "Heart rate").name == "other"
    assert mine.of("X:1", "glucose").name == "other"
    plain = Grouper(GwasCatalog(cardiovascular_except=("QT ",)))
    assert plain.of("QT interval", None).name == "other"
    assert plain.of("heart rate", None).name == "cardiovascular"


@pytest.mark.real
def test_groups_of_real_terms_by_words(shared: Path) -> None:
    folder = shared / "data" / "networks"
    rows = [line.split("\t")[:2] for line in (folder / "string_enrichment_v11_process.tsv").read_text().splitlines()[1:]]
    of_blood = {words for identifier, words in rows if WORDS.of(identifier, words).name == "cardiovascular"}
    assert of_blood == {"regulation of angiogenesis", "positive regulation of angiogenesis"}
    assert WORDS.of("GO:0042119", "neutrophil activation").name == "immune"
    pathways = [line.split("\t")[0] for line in (folder / "KEGG_2016.gmt").read_text().splitlines()]
    hearts = {name.split(" Homo")[0] for name in pathways if WORDS.of(name, "").name == "cardiovascular"}
    assert hearts == {
        "Vascular smooth muscle contraction", "Hypertrophic cardiomyopathy (HCM)", "Viral myocarditis",
        "Dilated cardiomyopathy",
        "Adrenergic signaling in cardiomyocytes", "Cardiac muscle contraction",
        "Arrhythmogenic right ventricular cardiomyopathy (ARVC)",
    }  # fmt: skip
