"""Section `genes`: a list of sources that map variants to genes, connect genes in networks, and annotate them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from ecgwas.study.base import Options, StudyPath, option

Address = Annotated[str, Field(pattern=r"^https?://[^/\s]+"), AfterValidator(lambda address: address.rstrip("/"))]


class Source(Options):
    """What every source has."""

    # What the rest of the program asks of a source. A kind that answers otherwise overrides the property.

    @property
    def maps_by(self) -> str:
        """How it maps variants to genes, as the methods text of the report says it after "mapped"; {version} stands for the
        source's version, and `[@key]` cites a reference of report/text/references.py."""
        return f"by {getattr(self, 'kind', '')}"

    @property
    def queries_service(self) -> bool:
        """It queries a service on the internet; otherwise it reads files."""
        return False

    @property
    def offers_terms(self) -> bool:
        """It is asked for terms, if its file has a function `enrich`."""
        return True

    @property
    def max_named_clusters(self) -> int | None:
        """It names at most this many clusters after their terms, the largest first; None: all."""
        return None

    def why_not_queried(self, variants: int) -> str | None:
        """Why it is not queried with this many hit variants; None: it is."""
        return None


class Service(Source):
    """What every online source has. Answers are kept in results/cache; with `offline: true` they come only from there."""

    address: Address
    """Address of the service."""
    if_unreachable: Literal["stop", "skip"] = "stop"
    """What to do if it does not answer: stop the run, or continue without this source and say so."""
    offline_twin: ClassVar[str]
    """The source of files that does the same, in words (docs/genes.md)."""

    @property
    def queries_service(self) -> bool:
        """Yes, unless a file takes its place."""
        return True


class VariantService(Service):
    """Options of every service that is queried by variant. It identifies variants by rs number."""

    min_variants: int = option(0, ge=0)
    """Not queried if there are fewer hit variants."""
    max_variants: int | None = option(None, ge=1)
    """Not queried if there are more hit variants."""
    offline_twin: ClassVar[str] = "regions"

    def why_not_queried(self, variants: int) -> str | None:
        """Fewer than min_variants or more than max_variants."""
        if variants < self.min_variants:
            return f"{variants} hit variants, fewer than min_variants {self.min_variants}"
        if self.max_variants is not None and variants > self.max_variants:
            return f"{variants} hit variants, more than max_variants {self.max_variants}"
        return None


class HeartWords(Options):
    """Words that identify cardiovascular terms and traits where no ontology classifies them."""

    cardiovascular: tuple[str, ...] | None = None
    """A term or trait is cardiovascular if a word in it begins with one of these (or contains it, if written with a leading *);
    none: the list of docs/genes.md, as for the groups that follow."""
    cardiovascular_except: tuple[str, ...] | None = None
    """Words that resemble those but are not cardiovascular; removed first."""


class TermLimits(HeartWords):
    """Which enriched terms are kept, which are listed first, and the words by which they are grouped."""

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
    """Number of terms per category that enter term_choice.csv without being cardiovascular, the largest strength first."""


class TermService(Service, TermLimits):
    """What every online source of terms has."""

    max_clusters: int = option(400, ge=0)
    """At most this many clusters are named by this service, the largest first, with one query each, a second apart."""

    @property
    def max_named_clusters(self) -> int | None:
        """`max_clusters`."""
        return self.max_clusters


class Regions(Source):
    """Genes from a table of gene positions: overlapping genes, otherwise the nearest with its distance."""

    kind: Literal["regions"] = "regions"
    file: StudyPath
    """PLINK gene list, MAGMA .loc, BED or GENCODE GTF (.gz allowed)."""
    window_bp: int = option(0, unit="bp", ge=0)
    """Genes within this distance count as overlapping."""
    max_distance_bp: int = option(1_000_000, unit="bp", ge=0)
    """Largest distance of the nearest gene."""
    protein_coding: bool = False
    """Only genes whose type is protein_coding; needs a GTF."""

    @property
    def maps_by(self) -> str:
        """By position."""
        return "by position, with the gene table {version}"


class Gprofiler(VariantService, TermService):
    """g:Profiler: genes that contain the variants (g:SNPense), terms of all hit genes (g:GOSt)."""

    kind: Literal["gprofiler"] = "gprofiler"
    address: Address = "https://biit.cs.ut.ee/gprofiler"
    """Address of the service; it may be an archive such as https://biit.cs.ut.ee/gprofiler_archive3/e113_eg59_p19, which does
    not change."""
    batch: int = option(500, ge=1)
    """Variants per query."""
    sources: tuple[str, ...] = ("GO:MF", "HP", "HPA")
    """Collections of terms queried from g:GOSt; an empty list: it is not queried."""
    domain_scope: Literal["annotated", "known"] = "annotated"
    """Background of g:GOSt: annotated genes, or all known genes."""

    @property
    def maps_by(self) -> str:
        """By g:SNPense."""
        return "to protein-coding genes by g:SNPense [@gprofiler]"

    @property
    def offers_terms(self) -> bool:
        """If it is given collections of terms."""
        return len(self.sources) > 0


class Haploreg(VariantService):
    """HaploReg v4: genes at or nearest to the variants, and regulatory notes. Frozen: 1000 Genomes phase 1, GENCODE 13."""

    kind: Literal["haploreg"] = "haploreg"
    address: Address = "https://pubs.broadinstitute.org/mammals/haploreg/haploreg.php"
    """Address that its form is sent to."""
    max_variants: int | None = option(500, ge=1)
    """Not queried if there are more hit variants: those are left to g:SNPense, as in the source study."""
    batch: int = option(100, ge=1, le=1000)
    """Variants per query."""
    min_r2: float | None = option(None, ge=0.2, le=1)
    """Also take genes of variants in linkage disequilibrium with the hits at this r2 or more; none: only of the hits
    themselves."""
    population: Literal["EUR", "AFR", "AMR", "ASN"] = "EUR"
    """Population whose linkage disequilibrium is used."""

    @property
    def maps_by(self) -> str:
        """By GENCODE as HaploReg has it."""
        return "to their nearest GENCODE gene by HaploReg v4 (1000 Genomes phase 1, GENCODE 13) [@haploreg]"


class EnsemblVep(VariantService):
    """Ensembl's Variant Effect Predictor: genes that contain the variants or lie within 5 kb, and consequences."""

    kind: Literal["ensembl_vep"] = "ensembl_vep"
    address: Address = "https://rest.ensembl.org"
    """Server for hg38."""
    address_hg19: Address = "https://grch37.rest.ensembl.org"
    """Server for hg19."""
    protein_coding: bool = True
    """Only genes whose type is protein_coding."""
    batch: int = option(200, ge=1, le=1000)
    """Variants per query."""

    @property
    def maps_by(self) -> str:
        """By Ensembl's positions."""
        return "to genes within 5 kb by Ensembl's Variant Effect Predictor [@ensembl_vep]"


class OpenTargets(VariantService):
    """Open Targets Platform: genes at the variants, and genes that credible sets of other studies point to (L2G)."""

    kind: Literal["open_targets"] = "open_targets"
    address: Address = "https://api.platform.opentargets.org/api/v4/graphql"
    """Address that queries are sent to."""
    max_variants: int | None = option(100, ge=1)
    """Not queried if there are more hit variants, since each takes two queries."""
    min_score: float = option(0.5, ge=0, le=1)
    """Smallest locus-to-gene score of a gene."""

    @property
    def maps_by(self) -> str:
        """By scores of credible sets."""
        return "by Open Targets' locus-to-gene scores [@open_targets]"


class GwasCatalog(VariantService, HeartWords):
    """GWAS Catalog: published associations of the hit variants, from its bulk file or its REST service (version 2)."""

    kind: Literal["gwas_catalog"] = "gwas_catalog"
    file: StudyPath | None = None
    """gwas-catalog-associations_ontology-annotated.tsv (.gz, or .zip as downloaded); without it the service is queried."""
    address: Address = "https://www.ebi.ac.uk/gwas/rest/api/v2"
    """Address of the service."""
    max_variants: int | None = option(200, ge=1)
    """The service is not queried if there are more hit variants; the file is always read."""
    offline_twin: ClassVar[str] = "gwas_catalog with `file`"

    @property
    def queries_service(self) -> bool:
        """Without `file`."""
        return self.file is None

    def why_not_queried(self, variants: int) -> str | None:
        """The file is always read."""
        return super().why_not_queried(variants) if self.queries_service else None


class NetworkLimits(Options):
    """Which edges count, and how they are clustered."""

    min_score: int = option(400, ge=0, le=1000)
    """Smallest combined score of an edge."""
    inflation: float = option(2.0, gt=1, le=10)
    """MCL's inflation; larger values give smaller clusters."""


class StringFiles(NetworkLimits, Source):
    """Network of the hit genes from STRING's bulk files, clustered by MCL."""

    kind: Literal["string_files"] = "string_files"
    links: StudyPath
    """9606.protein.links.v12.0.txt.gz (space-separated: protein1 protein2 combined_score), or a web export (.tsv)."""
    info: StudyPath | None = None
    """9606.protein.info.v12.0.txt.gz; not needed for a web export."""
    aliases: StudyPath | None = None
    """9606.protein.aliases.v12.0.txt.gz: hit genes that `info` does not name are looked up among these."""
    resamples: int = option(1000, ge=0)
    """Number of degree-preserving random networks, to test whether the hit genes have more edges than by chance; 0: no test."""


class StringDb(NetworkLimits, TermService):
    """STRING itself: network, clusters and terms of the hit genes."""

    kind: Literal["string_db"] = "string_db"
    address: Address = "https://version-12-0.string-db.org"
    """Address of the service; the default is fixed at version 12.0."""
    species: int = option(9606, ge=1)
    """NCBI taxon."""
    network_type: Literal["functional", "physical"] = "functional"
    """Kind of edges."""
    clusters: Literal["own", "service"] = "own"
    """MCL by ecgwas, or by STRING's picture service (at most 2,000 proteins)."""
    categories: tuple[str, ...] = ("TISSUES", "HPO", "Function")
    """Categories of terms, in STRING's short names."""
    background: StudyPath | None = None
    """STRING ids of the background, one per line; none: the whole proteome."""
    proteome: int = option(19_699, ge=1)
    """Proteins of the whole proteome, N of strength = log10(observed / (hits x term / N)): 19,699 in STRING 12.0."""
    offline_twin: ClassVar[str] = "string_files and enrichment"


class Enrichment(TermLimits, Source):
    """Terms that contain more hit genes than expected by chance."""

    kind: Literal["enrichment"] = "enrichment"
    terms: StudyPath
    """A GMT file, or STRING's 9606.protein.enrichment.terms.v12.0.txt.gz."""
    info: StudyPath | None = None
    """9606.protein.info.v12.0.txt.gz, to name the proteins of a STRING terms file."""
    categories: tuple[str, ...] = (
        "Tissue expression (TISSUES)", "Human Phenotype (Monarch)", "Molecular Function (Gene Ontology)",
    )  # fmt: skip
    """Categories of a STRING terms file, in its long names; none: all. A GMT file is one category."""


class Ontologies(Source):
    """Ontologies by whose ancestry terms are grouped: cardiovascular, immune, neurological, metabolic, other."""

    kind: Literal["ontologies"] = "ontologies"
    files: Annotated[tuple[StudyPath, ...], Field(min_length=1)]
    """OBO files (.gz allowed): efo.obo, mondo.obo, hp.obo, go-basic.obo, bto.obo of `ecgwas references fetch`."""


GeneSource = Annotated[
    Regions | Gprofiler | Haploreg | EnsemblVep | OpenTargets | GwasCatalog | StringFiles | StringDb | Enrichment | Ontologies,
    Field(discriminator="kind"),
]
