"""Variants of every chromosome code: what is tested, as what, and that everything else is counted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from ecgwas.errors import InputError
from ecgwas.genotypes import chromosome_codes, chromosomes
from ecgwas.scan import matrix, plink2
from ecgwas.scan.engine import all_tests, variant_counts
from ecgwas.stages import scan
from ecgwas.store import fingerprint
from ecgwas.tables import ScanResult
from ecgwas.tables.loci import VariantCounts
from tests.genotypes import fileset
from tests.genotypes.fileset import matrix_options, plink2_options
from tests.scan.test_matrix import agree, lost

PEOPLE = 90
SEXES = [1 + i % 2 for i in range(PEOPLE)]
EACH = 6
"""Variants of each code."""
CODES = (
    ("1", 5_000_000), ("chr2", 5_000_000), ("03", 5_000_000), ("X", 200_000), ("X", 5_000_000), ("23", 9_000_000),
    ("X", 154_990_000), ("Y", 6_000_000), ("XY", 300_000), ("25", 400_000), ("PAR1", 500_000), ("PAR2", 155_000_000),
    ("MT", 3_000), ("0", 0), ("GL000191.1", 7_000), ("chrUn_KI270742v1", 7_000),
)  # fmt: skip
"""Codes and first positions, hg19; two of X lie in the pseudoautosomal regions."""
PAR_BY_POSITION = 2 * EACH


def copies(codes: tuple[tuple[str, int], ...], seed: int = 3) -> NDArray[np.int8]:
    """(PEOPLE, V) copies; haploid variants 0 or 2 (men of X and Y, MT), women have none on Y."""
    rng = np.random.default_rng(seed)
    men = np.array(SEXES) == 1
    found = []
    for code, first in codes:
        both = rng.binomial(2, rng.uniform(0.15, 0.85, EACH), (PEOPLE, EACH)).astype(np.int8)
        chrom = chromosome_codes.chromosome_code(code)
        once = chrom == "X" and not chromosome_codes.is_pseudoautosomal("hg19", np.array([first]))[0]
        if once or chrom in ("Y", "MT"):
            both[men] = 2 * (both[men] > 0)
        if chrom == "MT":
            both = (2 * (both > 0)).astype(np.int8)
        if chrom == "Y":
            both[~men] = fileset.NO_CALL
        found.append(both)
    return np.concatenate(found, axis=1)


def relabelled(stem: Path, codes: tuple[tuple[str, int], ...]) -> None:
    bim = stem.with_name(stem.name + ".bim")
    lines = []
    for i, line in enumerate(bim.read_text().splitlines()):
        _, name, _, _, *alleles = line.split("\t")
        code, first = codes[i // EACH]
        lines.append("\t".join([code, name, "0", str(first + i), *alleles]) + "\n")
    bim.write_text("".join(lines))


def make(stem: Path, kind: str, codes: tuple[tuple[str, int], ...] = CODES) -> tuple[str, ...]:
    """The same people and variants as a .bed, .pgen or .bgen."""
    eids = fileset.write(stem, copies(codes), sexes=SEXES)
    relabelled(stem, codes)
    if kind == "bed":
        return eids
    listed = stem.with_name(stem.name + ".bim").read_text()
    command = ["plink2", "--bfile", str(stem), "--allow-extra-chr", "--threads", "1", "--out", str(stem)]
    if kind == "pgen":
        subprocess.run([*command, "--make-pgen"], check=True, capture_output=True)
        # The codes as they were given: plink2 writes its own.
        rows = [line.split("\t") for line in listed.splitlines()]
        text = "".join(f"{chrom}\t{pos}\t{name}\t{other}\t{effect}\n" for chrom, name, _, pos, effect, other in rows)
        stem.with_name(stem.name + ".pvar").write_text("#CHROM\tPOS\tID\tREF\tALT\n" + text)
    else:
        subprocess.run([*command, "--export", "bgen-1.2", "bits=8", "ref-first"], check=True, capture_output=True)
    for ending in (".bed", ".bim", ".fam"):
        stem.with_name(stem.name + ending).unlink()
    return eids


def everything(stem: Path, eids: tuple[str, ...], **more: object) -> list[ScanResult]:
    traits, covariates = fileset.tables(eids, 4, 2, 2)
    options = matrix_options(stem, **more)
    opened = [chromosomes.open_chromosome(options, part) for part in chromosomes.available(options)]
    return [matrix.scan(options, traits, covariates, part, seed=1) for part in opened]


def table(stem: Path, eids: tuple[str, ...], **more: object) -> pl.DataFrame:
    results = everything(stem, eids, **more)
    whole = pl.concat(
        [
            *(result.counts for result in results),
            variant_counts.of_untested(chromosomes.untested(matrix_options(stem, **more))).frame,
        ]
    )
    return VariantCounts(whole).frame


@pytest.mark.plink2
@pytest.mark.parametrize("kind", ["bed", "pgen", "bgen"])
def test_variants_of_every_code_add_up(tmp_path: Path, kind: str) -> None:
    eids = make(tmp_path / "g", kind)
    found = table(tmp_path / "g", eids)
    assert found["variants"].sum() == EACH * len(CODES)
    sums = found.group_by("chrom").agg(pl.col("variants").sum(), pl.col("in_file").unique())
    assert all(row["in_file"] == [row["variants"]] for row in sums.iter_rows(named=True))
    rows = {(chrom, outcome): count for chrom, outcome, count, _ in found.filter(pl.col("variants") > 0).iter_rows()}
    assert rows == {
        ("1", "tested"): EACH, ("2", "tested"): EACH, ("3", "tested"): EACH, ("X", "tested"): 2 * EACH,
        ("PAR", "tested"): 6 * EACH, ("Y", "not in scan.chromosomes"): EACH, ("MT", "not in scan.chromosomes"): EACH,
        ("0", "unplaced (chromosome 0)"): EACH,
        ("GL000191.1", "a contig or an unknown chromosome code"): EACH,
        ("UN_KI270742V1", "a contig or an unknown chromosome code"): EACH,
    }  # fmt: skip


def test_filters_and_lists_add_up_too(tmp_path: Path) -> None:
    eids = make(tmp_path / "g", "bed")
    names = [f"v{i}" for i in range(0, EACH * len(CODES), 2)]
    (tmp_path / "list").write_text("\n".join(names))
    found = table(tmp_path / "g", eids, variants=tmp_path / "list", min_maf=0.3, chromosomes=("1", "X", "Y", "MT", "4"))
    by_chrom = {chrom: frame for (chrom,), frame in found.group_by("chrom")}
    of_x = dict(by_chrom["X"].select("outcome", "variants").iter_rows())
    assert of_x["not in scan.variants"] == EACH
    assert of_x["maf"] + of_x["tested"] == EACH
    assert dict(by_chrom["4"].select("outcome", "variants").iter_rows()) == {"no variants in the file": 0}
    assert found["variants"].sum() == EACH * len(CODES)
    lines = variant_counts.in_words(found.to_dicts())
    assert any(line.startswith(f"chromosome X: {2 * EACH} variants in the files, ") for line in lines)


def test_a_variant_that_no_trait_can_be_tested_against_is_excluded(tmp_path: Path) -> None:
    dosage = fileset.draw(40, 10, 6)
    dosage[:, 3] = 0
    dosage[:10, 4] = 0
    dosage[10:, 4] = 1  # constant among those who have the second trait
    eids = fileset.write(tmp_path / "g", dosage)
    traits, covariates = fileset.tables(eids, 2, 1, 2)
    traits.values[np.isin(np.array(traits.eids), eids[:10]), 1] = np.nan
    options = matrix_options(tmp_path / "g")
    result = matrix.scan(options, traits, covariates, fileset.opened(options), seed=1)
    rows = dict(result.counts.select("outcome", "variants").iter_rows())
    assert rows == {"tested": 9, "CONST_OMITTED_ALLELE": 1}
    assert result.tests.tolist() == [9, 8]


def of_par(stem: Path, eids: tuple[str, ...], sexes: list[int], codes: str) -> pl.DataFrame:
    """Rows of plink2 --glm for the pseudoautosomal variants, which it splits off by position or knows by code."""
    traits, covariates = fileset.tables(eids, 2, 2, 2)
    for name, values in (("pheno", traits.values), ("covar", covariates.values)):
        columns = "\t".join(f"{name}{k}" for k in range(values.shape[1]))
        rows = [f"f\t{eid}\t" + "\t".join(map(repr, map(float, row))) for eid, row in zip(traits.eids, values, strict=True)]
        (stem.parent / f"{name}.tsv").write_text(f"#FID\tIID\t{columns}\n" + "\n".join(rows) + "\n")
    split = ["--split-par", "hg19"] if codes == "X" else []
    subprocess.run(
        ["plink2", "--bfile", stem.name, *split, "--chr", "PAR1,PAR2,XY", "--pheno", "pheno.tsv", "--covar", "covar.tsv",
         "--covar-variance-standardize", "--glm", "hide-covar", "omit-ref", "--out", "o"],
        cwd=stem.parent, check=True, capture_output=True,
    )  # fmt: skip
    schema = {"#CHROM": pl.String}
    frames = [pl.read_csv(stem.parent / f"o.pheno{k}.glm.linear", separator="\t", schema_overrides=schema) for k in range(2)]
    return pl.concat([frame.with_columns(k=pl.lit(k)) for k, frame in enumerate(frames)])


@pytest.mark.plink2
@pytest.mark.parametrize("codes", ["X", "PAR", "25"])
def test_the_ends_of_x_are_diploid_in_both_sexes_as_in_plink2(tmp_path: Path, codes: str) -> None:
    """Everybody, people of unknown sex too, without sex as a covariate; on X, by position; the rest of X as ever."""
    ends = {"X": ("X", "X"), "PAR": ("PAR1", "PAR2"), "25": ("25", "XY")}[codes]
    order = ((ends[0], 2_600_000), (ends[1], 154_940_000), ("X", 60_000_000))
    if codes == "X":  # plink2 splits a sorted file
        order = (order[0], order[2], order[1])
    sexes = [1 + i % 2 for i in range(PEOPLE)]
    sexes[4] = sexes[11] = 0
    rng = np.random.default_rng(9)
    dosage = rng.binomial(2, 0.35, (PEOPLE, 3 * EACH)).astype(np.int8)
    place = [code for code, _ in order].index("X") if codes != "X" else 1
    of_x = np.ix_(np.array(sexes) == 1, np.arange(place * EACH, (place + 1) * EACH))
    dosage[of_x] = 2 * (dosage[of_x] // 2)
    eids = fileset.write(tmp_path / "g", dosage, sexes=sexes)
    relabelled(tmp_path / "g", order)
    expected = of_par(tmp_path / "g", eids, sexes, codes).sort("POS", "k")
    assert len(expected) == 2 * 2 * EACH
    traits, covariates = fileset.tables(eids, 2, 2, 2)
    options = matrix_options(tmp_path / "g", chromosomes=("X",))
    found = matrix.scan(options, traits, covariates, fileset.opened(options), seed=1)
    rows = found.associations.frame
    assert rows["chrom"].unique().to_list() == ["X"]
    assert rows["pos"].is_sorted()
    inside = chromosome_codes.is_pseudoautosomal("hg19", rows["pos"].to_numpy())
    assert rows.filter(~inside)["n"].unique().to_list() == [PEOPLE - 2]
    tested = rows.filter(inside)
    assert tested["n"].unique().to_list() == [PEOPLE]
    assert tested["variant"].to_list() == expected["ID"].to_list()
    np.testing.assert_allclose(tested["beta"], expected["BETA"], rtol=1e-5)
    np.testing.assert_allclose(tested["t"], expected["T_STAT"], rtol=1e-5)
    other = plink2_options(tmp_path / "g", chromosomes=("X",))
    theirs = plink2.scan(other, traits, covariates, fileset.opened(other), seed=1)
    agree(found, theirs)
    assert found.counts.equals(theirs.counts)


@pytest.mark.plink2
def test_plink2_is_not_asked_to_split_what_is_half_split(tmp_path: Path) -> None:
    eids = make(tmp_path / "g", "bed", (("PAR1", 500_000), ("X", 5_000_000), ("X", 154_990_000)))
    traits, covariates = fileset.tables(eids, 2, 2, 2)
    options = plink2_options(tmp_path / "g", chromosomes=("X",))
    with pytest.raises(InputError, match=r"code of their own .* and others are called X"):
        plink2.scan(options, traits, covariates, fileset.opened(options), seed=1)


@pytest.mark.parametrize(("build", "inside"), [("hg19", [1, 1, 0, 0, 1, 1]), ("hg38", [1, 1, 1, 0, 0, 0])])
def test_where_the_ends_of_x_are_depends_on_the_build(build: str, inside: list[int]) -> None:
    positions = np.array([60_001, 2_699_520, 2_781_479, 50_000_000, 154_931_044, 155_260_560])
    assert chromosome_codes.is_pseudoautosomal(build, positions).astype(int).tolist() == inside


def test_files_of_the_ends_of_x_are_tested_with_it_whoever_is_in_them(tmp_path: Path) -> None:
    """As UK Biobank has them: chrX and chrXY, other people, in another order; joined by id."""
    dosage, order = fileset.draw(50, 12, 4), np.random.default_rng(1).permutation(50)
    sexes = [1 + i % 2 for i in range(50)]
    fileset.write(tmp_path / "chrX", dosage[:, :6].copy(), chrom="X", sexes=sexes)
    fileset.write(tmp_path / "chrXY", dosage[order[:48], 6:].copy(), chrom="XY", sexes=[sexes[i] for i in order[:48]])
    fam = tmp_path / "chrXY.fam"
    fam.write_text("".join(f"f p{i} 0 0 {sexes[i]} -9\n" for i in order[:48]))
    options = matrix_options(tmp_path / "chr{chrom}")
    assert chromosomes.available(options) == ("X",)
    assert len(chromosomes.input_files(options)) == 6
    opened = chromosomes.open_chromosome(options, "X")
    people = chromosomes.eids_in_all_files(options)
    assert set(people) == {f"p{i}" for i in order[:48]}
    number = np.array([int(eid[1:]) for eid in people])
    both = {f"{i % 6}{int(i >= 6)}": np.where(dosage[number, i] < 0, np.nan, dosage[number, i]) for i in range(12)}
    seen = opened.dosages(0, len(opened))[:, opened.sample_index(people)]
    for place in range(12):
        key = f"{opened.variants[place][1:]}{int(opened.is_pseudoautosomal[place])}"
        np.testing.assert_array_equal(seen[place], both[key])
    assert opened.is_pseudoautosomal.sum() == 6
    traits, covariates = fileset.tables(people, 3, 1, 1)
    whole = matrix.scan(options, traits, covariates, opened, seed=1).associations.frame
    alone = matrix.scan(options, traits, covariates, opened.pieces()[1].genotypes, seed=1).associations.frame
    columns = ["trait", "pos", "variant"]
    inside = whole.join(alone.select("trait", "pos", "variant", pl.col("beta").alias("expected")), on=columns)
    assert len(inside) >= len(alone) == 18
    assert opened.pieces()[1].genotypes.eids == tuple(f"p{i}" for i in order[:48])


def test_the_ends_of_x_are_asked_for_by_x(tmp_path: Path) -> None:
    fileset.write(tmp_path / "g", fileset.draw(30, 6, 1), chrom="25")
    assert chromosomes.available(matrix_options(tmp_path / "g", chromosomes=("X", "25"))) == ("X",)
    for code in ("25", "XY", "PAR1", "chrPAR2"):
        with pytest.raises(InputError, match="but not X"):
            chromosomes.available(matrix_options(tmp_path / "g", chromosomes=("1", code)))


def test_every_test_of_both_is_kept(tmp_path: Path) -> None:
    eids = make(tmp_path / "g", "bed", (("X", 200_000), ("X", 5_000_000)))
    traits, covariates = fileset.tables(eids, 3, 1, 1)
    options = matrix_options(tmp_path / "g", dense=True, keep_neglog10p=50.0)
    found = matrix.scan(options, traits, covariates, fileset.opened(options), seed=1, folder=tmp_path / "dense" / "X")
    assert found.associations.frame.height == 0
    every = matrix_options(tmp_path / "g")
    expected = matrix.scan(every, traits, covariates, fileset.opened(every), seed=1).associations.frame
    folders = [tmp_path / "dense" / "X", tmp_path / "dense" / "X" / "piece_1"]
    for trait in traits.names:
        kept = pl.concat([all_tests.rows(folder, trait).frame for folder in folders]).sort("pos")
        own = expected.filter(pl.col("trait") == trait).sort("pos")
        assert kept["variant"].to_list() == own["variant"].to_list()
        np.testing.assert_allclose(kept["t"], own["t"], rtol=1e-5, atol=1e-5)


def test_shuffles_over_both_give_the_larger_maximum(tmp_path: Path) -> None:
    eids = make(tmp_path / "g", "bed", (("X", 200_000), ("X", 5_000_000)))
    traits, covariates = fileset.tables(eids, 3, 1, 1)
    options = matrix_options(tmp_path / "g", permutations=20)
    opened = fileset.opened(options)
    whole = matrix.scan(options, traits, covariates, opened, seed=1)
    each = [matrix.scan(options, traits, covariates, piece.genotypes, seed=1) for piece in opened.pieces()]
    np.testing.assert_array_equal(whole.permutation_max, np.maximum(each[0].permutation_max, each[1].permutation_max))
    np.testing.assert_array_equal(whole.tests, each[0].tests + each[1].tests)
    np.testing.assert_array_equal(whole.chi2_counts, each[0].chi2_counts + each[1].chi2_counts)


@pytest.mark.parametrize("left", [(".bim", ".fam"), (".bim",), (".fam",)])
def test_a_chromosome_without_its_genotypes_is_an_error(tmp_path: Path, left: tuple[str, ...]) -> None:
    for chrom in ("3", "6"):
        fileset.write(tmp_path / f"chr{chrom}", fileset.draw(9, 5, 1), chrom=chrom)
    for ending in {".bed", ".bim", ".fam"} - set(left):
        (tmp_path / f"chr6{ending}").unlink()
    with pytest.raises(InputError, match=r"chr6\.bed is not") as caught:
        chromosomes.available(matrix_options(tmp_path / "chr{chrom}"))
    assert caught.value.where == str(tmp_path / "chr6.bed")
    # One that is not asked for does no harm, and is counted as far as it is there.
    assert chromosomes.available(matrix_options(tmp_path / "chr{chrom}", chromosomes=("3",))) == ("3",)


def test_chromosomes_without_files_and_files_not_asked_for_are_counted(tmp_path: Path) -> None:
    for name, chrom in (("chr3", "3"), ("chrY", "Y"), ("chr26", "26"), ("chr0", "0"), ("chrPAR1", "PAR1")):
        fileset.write(tmp_path / name, fileset.draw(9, 5, 1), chrom=chrom)
    options = matrix_options(tmp_path / "chr{chrom}", chromosomes=("3", "7"))
    assert chromosomes.untested(options) == [
        ("7", "no file of genotypes", 0), ("Y", "not in scan.chromosomes", 5), ("MT", "not in scan.chromosomes", 5),
        ("PAR1", "not in scan.chromosomes", 5), ("0", "unplaced (chromosome 0)", 5),
    ]  # fmt: skip
    assert (
        scan._not_tested(chromosomes.untested(options))[1]
        == "not tested, not in scan.chromosomes: chromosome Y, MT, PAR1, 15 variants"
    )
    assert chromosomes.variant_counts(options) == {"3": 5}


@pytest.mark.plink2
@pytest.mark.parametrize("chrom", ["X", "Y", "MT"])
def test_one_allele_of_a_bgen_counts_as_in_plink2(tmp_path: Path, chrom: str) -> None:
    """PLINK 2 writes men of X, Y and MT with one allele; it, and every other format, counts that as 0 or 2."""
    codes = ((chrom, 5_000 if chrom == "MT" else 5_000_000),)
    eids = make(tmp_path / "bed", "bed", codes)
    make(tmp_path / "bgen", "bgen", codes)
    bed, bgen = (fileset.opened(matrix_options(tmp_path / name, chromosomes=(chrom,))) for name in ("bed", "bgen"))
    np.testing.assert_array_equal(bgen.dosages(0, EACH), bed.dosages(0, EACH))
    traits, covariates = fileset.tables(eids, 2, 2, 2)
    ours, theirs = (make(tmp_path / "bgen", chromosomes=(chrom,)) for make in (matrix_options, plink2_options))
    found = matrix.scan(ours, traits, covariates, bgen, seed=1)
    expected = plink2.scan(theirs, traits, covariates, bgen, seed=1)
    agree(found, expected)
    assert lost(found) == lost(expected)


def test_min_mac_is_judged_again_on_x_for_traits_that_some_lack(tmp_path: Path) -> None:
    """Against a direct count: one allele of a man, two of a woman, among those who have the trait."""
    rng = np.random.default_rng(8)
    people, sexes = 200, [1 + i % 2 for i in range(200)]
    men = np.array(sexes) == 1
    dosage = rng.binomial(2, rng.uniform(0.02, 0.12, 60), (people, 60)).astype(np.int8)
    dosage[men] = 2 * (dosage[men] > 0)
    dosage[rng.random(dosage.shape) < 0.02] = fileset.NO_CALL
    eids = fileset.write(tmp_path / "g", dosage, chrom="X", sexes=sexes)
    traits, covariates = fileset.tables(eids, 2, 1, 1)
    traits.values[::3, 1] = np.nan
    have = np.isin(np.array(eids), np.array(traits.eids)[~np.isnan(traits.values[:, 1])])
    least = 15

    def minor(some: NDArray[np.bool_]) -> NDArray[np.float64]:
        seen = np.where(dosage < 0, np.nan, dosage)[some]
        weight = np.where(men[some], 0.5, 1.0)[:, None]
        carried, alleles = np.nansum(seen * weight, axis=0), (2 * weight * ~np.isnan(seen)).sum(axis=0)
        return np.minimum(carried, alleles - carried)

    everyone, some = minor(np.ones(people, dtype=bool)), minor(have)
    expected = {f"v{j}" for j in range(60) if everyone[j] >= least > some[j]}
    assert len(expected) > 5
    options = matrix_options(tmp_path / "g", min_mac=least)
    found = matrix.scan(options, traits, covariates, fileset.opened(options), seed=1).left_out.frame
    rare = found.filter((pl.col("reason") == "mac") & pl.col("trait").is_not_null() & (pl.col("trait") != ""))
    assert set(rare["variant"]) == expected
    assert set(rare["trait"]) == {traits.names[1]}


@pytest.mark.plink2
@pytest.mark.parametrize("chrom", ["X", "Y", "MT", "1"])
def test_both_engines_judge_min_mac_alike(tmp_path: Path, chrom: str) -> None:
    rng = np.random.default_rng(8)
    sexes = [1 + i % 2 for i in range(200)]
    dosage = (2 * rng.binomial(1, rng.uniform(0.03, 0.2, 50), (200, 50))).astype(np.int8)
    eids = fileset.write(tmp_path / "g", dosage, chrom=chrom, sexes=sexes)
    traits, covariates = fileset.tables(eids, 2, 1, 1)
    traits.values[::3, 1] = np.nan
    ours, theirs = (make(tmp_path / "g", min_mac=12, chromosomes=(chrom,)) for make in (matrix_options, plink2_options))
    found = matrix.scan(ours, traits, covariates, fileset.opened(ours), seed=1)
    expected = plink2.scan(theirs, traits, covariates, fileset.opened(theirs), seed=1)
    assert found.left_out.frame.filter(pl.col("trait").is_not_null()).height > 0
    assert lost(found) == lost(expected)
    assert fingerprint(found.tests.tolist()) == fingerprint(expected.tests.tolist())


@pytest.mark.plink2
def test_plink2_tests_the_files_of_the_ends_of_x_too(tmp_path: Path) -> None:
    sexes = np.array([1 + i % 2 for i in range(60)])
    dosage = fileset.draw(60, 12, 4)
    dosage[sexes == 1, :6] = 2 * (dosage[sexes == 1, :6] // 2)
    fileset.write(tmp_path / "chrX", dosage[:, :6], chrom="X", sexes=sexes.tolist())
    fileset.write(tmp_path / "chr25", dosage[::-1, 6:], chrom="25", sexes=sexes[::-1].tolist())
    fam = tmp_path / "chr25.fam"
    fam.write_text("".join(f"f p{i} 0 0 {sexes[i]} -9\n" for i in reversed(range(60))))
    ours, theirs = (make(tmp_path / "chr{chrom}") for make in (matrix_options, plink2_options))
    traits, covariates = fileset.tables(chromosomes.eids_in_all_files(ours), 3, 1, 1)
    found = matrix.scan(ours, traits, covariates, fileset.opened(ours), seed=1)
    agree(found, plink2.scan(theirs, traits, covariates, fileset.opened(theirs), seed=1))
    assert len(found.associations.frame) == 3 * 12
