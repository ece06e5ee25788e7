"""Section `genes`: a list of sources: mapping variants to genes, genes to networks, networks to terms, and what is known."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from ecgwas.study.base import Options, StudyPath, option

Address = Annotated[str, Field(pattern=r"^https?://[^/\s]+"), AfterValidator(lambda address: address.rstrip("/"))]


class Service(Options):
    """What every online source has. Answers are kept in results/cache; `offline: true` takes them from there alone."""

    address: Address
    """Where the service is."""
    if_unreachable: Literal["stop", "skip"] = "stop"
    """What to do if it gives no answer: end the run, or go on without this source and say so."""
    offline_twin: ClassVar[str]
    """The source of files that does the same, in words (docs/genes.md)."""

    @property
    def is_asked(self) -> bool:
        """It asks its service, rather than a file in its place."""
        return True


class VariantService(Service):
    """What every service that is asked for variants has; it knows them by rs number."""

    min_variants: int = option(0, ge=0)
    """Not asked if there are fewer hit variants."""
    max_variants: int | None = option(None, ge=1)
    """Not asked if there are more hit variants."""
    offline_twin: ClassVar[str] = "regions"


class HeartWords(Options):
    """The words that tell terms and traits of the heart and the vessels where no ontology places them."""

    cardiovascular: tuple[str, ...] | None = None
    """Cardiovascular if its words hold one of these at the start of a word (anywhere, if it begins with *); none: the list of
    docs/genes.md, as for the groups that follow."""
    cardiovascular_except: tuple[str, ...] | None = None
    """Words that look like those and are not: struck out first."""


class TermLimits(HeartWords):
    """Which enriched terms are kept, which of them are looked at first, and the words by which they are grouped."""

    max_fdr: float = option(0.01, gt=0, le=1)
    """Largest false discovery rate (Benjamini-Hochberg within each category)."""
    min_strength: float = option(0.2, ge=0)
    """Smallest strength, log10(observed / expected)."""
    immune: tuple[str, ...] | None = None
    """The same for terms of defence and inflammation, if they are not cardiovascular."""
    neurological: tuple[str, ...] | None = None
    """The same for terms of the nervous system, if they are neither."""
    metabolic: tuple[str, ...] | None = None
    """The same for terms of metabolism, if they are none of these."""
    strongest_others: int = option(20, ge=0)
    """So many terms of each category that are not cardiovascular enter term_choice.csv, the largest strength first."""


class TermService(Service, TermLimits):
    """What every online source of terms has."""

    max_clusters: int = option(400, ge=0)
    """So many clusters at most are named by this service, the largest first, one question each, a second apart."""


class Regions(Options):
    """Genes from a table of ranges: overlap, else nearest with its distance."""

    kind: Literal["regions"] = "regions"
    file: StudyPath
    """PLINK gene list, MAGMA .loc, BED or GENCODE GTF (.gz allowed)."""
    window_bp: int = option(0, unit="bp", ge=0)
    """Genes within this distance count as overlapping."""
    max_distance_bp: int = option(1_000_000, unit="bp", ge=0)
    """The nearest gene is taken no further away than this."""
    protein_coding: bool = False
    """Only genes whose type is protein_coding; needs a GTF."""


class Gprofiler(VariantService, TermService):
    """g:Profiler: genes that hold the variants (g:SNPense), terms of all hit genes (g:GOSt)."""

    kind: Literal["gprofiler"] = "gprofiler"
    address: Address = "https://biit.cs.ut.ee/gprofiler"
    """Where the service is; an archive such as https://biit.cs.ut.ee/gprofiler_archive3/e113_eg59_p19 stays as it is."""
    batch: int = option(500, ge=1)
    """Variants in one question."""
    sources: tuple[str, ...] = ("GO:MF", "HP", "HPA")
    """Collections of terms asked of g:GOSt; none: it is not asked."""
    domain_scope: Literal["annotated", "known"] = "annotated"
    """Background of g:GOSt: genes with an annotation, or all known ones."""


class Haploreg(VariantService):
    """HaploReg v4: genes at or nearest to the variants, and regulatory notes. Frozen: 1000 Genomes phase 1, GENCODE 13."""

    kind: Literal["haploreg"] = "haploreg"
    address: Address = "https://pubs.broadinstitute.org/mammals/haploreg/haploreg.php"
    """Where its form is sent to."""
    max_variants: int | None = option(500, ge=1)
    """Not asked if there are more hit variants: they are for g:SNPense, as in the source study."""
    batch: int = option(100, ge=1, le=1000)
    """Variants in one question."""
    min_r2: float | None = option(None, ge=0.2, le=1)
    """Genes of variants in linkage with the hits at this r2 or more count too; none: only of the hits themselves."""
    population: Literal["EUR", "AFR", "AMR", "ASN"] = "EUR"
    """Whose linkage."""


class EnsemblVep(VariantService):
    """Ensembl's Variant Effect Predictor: genes that hold the variants or lie within 5 kb, and what the variants do."""

    kind: Literal["ensembl_vep"] = "ensembl_vep"
    address: Address = "https://rest.ensembl.org"
    """Server of hg38."""
    address_hg19: Address = "https://grch37.rest.ensembl.org"
    """Server of hg19."""
    protein_coding: bool = True
    """Only genes whose type is protein_coding."""
    batch: int = option(200, ge=1, le=1000)
    """Variants in one question."""


class OpenTargets(VariantService):
    """Open Targets Platform: genes at the variants, and genes that credible sets of other studies point to (L2G)."""

    kind: Literal["open_targets"] = "open_targets"
    address: Address = "https://api.platform.opentargets.org/api/v4/graphql"
    """Where the questions are sent to."""
    max_variants: int | None = option(100, ge=1)
    """Not asked if there are more hit variants: two questions for each."""
    min_score: float = option(0.5, ge=0, le=1)
    """Smallest locus-to-gene score of a gene."""


class GwasCatalog(VariantService, HeartWords):
    """GWAS Catalog: what others found at the hit variants, from its bulk file or its REST service (version 2)."""

    kind: Literal["gwas_catalog"] = "gwas_catalog"
    file: StudyPath | None = None
    """gwas-catalog-associations_ontology-annotated.tsv (.gz or the .zip as it comes); without it the service is asked."""
    address: Address = "https://www.ebi.ac.uk/gwas/rest/api/v2"
    """Where the service is."""
    max_variants: int | None = option(200, ge=1)
    """The service is not asked if there are more hit variants; the file is always read."""
    offline_twin: ClassVar[str] = "gwas_catalog with `file`"

    @property
    def is_asked(self) -> bool:
        """Without `file`."""
        return self.file is None


class NetworkLimits(Options):
    """Which edges count, and how they are clustered."""

    min_score: int = option(400, ge=0, le=1000)
    """Smallest combined score of an edge."""
    inflation: float = option(2.0, gt=1, le=10)
    """MCL's inflation: larger gives smaller clusters."""


class StringFiles(NetworkLimits):
    """Network of the hit genes from STRING's bulk files, clustered by MCL."""

    kind: Literal["string_files"] = "string_files"
    links: StudyPath
    """9606.protein.links.v12.0.txt.gz (space-separated: protein1 protein2 combined_score), or a web export (.tsv)."""
    info: StudyPath | None = None
    """9606.protein.info.v12.0.txt.gz; not needed for a web export."""
    aliases: StudyPath | None = None
    """9606.protein.aliases.v12.0.txt.gz: hit genes that `info` does not name are looked up among the other names."""
    resamples: int = option(1000, ge=0)
    """Networks of the same degrees drawn to see whether the hit genes have more edges than chance; 0: none."""


class StringDb(NetworkLimits, TermService):
    """STRING itself: network, clusters and terms of the hit genes."""

    kind: Literal["string_db"] = "string_db"
    address: Address = "https://version-12-0.string-db.org"
    """Where the service is; the default stays at version 12.0."""
    species: int = option(9606, ge=1)
    """NCBI taxon."""
    network_type: Literal["functional", "physical"] = "functional"
    """Which edges."""
    clusters: Literal["own", "service"] = "own"
    """MCL by ecgwas, or by STRING's picture service (at most 2,000 proteins)."""
    categories: tuple[str, ...] = ("TISSUES", "HPO", "Function")
    """Categories of terms, in STRING's short names."""
    background: StudyPath | None = None
    """STRING ids of the background, one a line; none: the whole proteome."""
    proteome: int = option(19_699, ge=1)
    """Proteins of the whole proteome, N of strength = log10(observed / (hits x term / N)): 19,699 in STRING 12.0."""
    offline_twin: ClassVar[str] = "string_files and enrichment"


class Enrichment(TermLimits):
    """Terms that the hit genes share more often than chance."""

    kind: Literal["enrichment"] = "enrichment"
    terms: StudyPath
    """A GMT file, or STRING's 9606.protein.enrichment.terms.v12.0.txt.gz."""
    info: StudyPath | None = None
    """9606.protein.info.v12.0.txt.gz, to name the proteins of a STRING terms file."""
    categories: tuple[str, ...] = (
        "Tissue expression (TISSUES)", "Human Phenotype (Monarch)", "Molecular Function (Gene Ontology)",
    )  # fmt: skip
    """Categories of a STRING terms file, in its long names; none: all. A GMT file is one category."""


class Ontologies(Options):
    """Ontologies by whose ancestry terms are grouped: cardiovascular, immune, neurological, metabolic, other."""

    kind: Literal["ontologies"] = "ontologies"
    files: Annotated[tuple[StudyPath, ...], Field(min_length=1)]
    """OBO files (.gz allowed): efo.obo, mondo.obo, hp.obo, go-basic.obo, bto.obo of `ecgwas references fetch`."""


GeneSource = Annotated[
    Regions | Gprofiler | Haploreg | EnsemblVep | OpenTargets | GwasCatalog | StringFiles | StringDb | Enrichment | Ontologies,
    Field(discriminator="kind"),
]
