"""Fuzzing of the readers of external files: any exception outside the ecgwas family, and any hang, is a bug.

    python -m benchmarks.robustness.fuzz                 300 s for each reader (also: make fuzz)
    python -m benchmarks.robustness.fuzz --quick         3 s each
    python -m benchmarks.robustness.fuzz --only bed      one reader

The readers are xml (every format of recordings, starting from CardioSoft and aECG files), bed (a .bed with its .bim and .fam),
config (study.yaml), table (users' tables) and genes (gene tables, networks, terms). Inputs are mutations of valid ones, guided
by the coverage of ecgwas' own code (atheris, libFuzzer). Each reader runs in a separate process with 4 GiB and 10 s per input.
Prints

    FUZZ reader=<name> executions=<n> seconds=<s> edges=<covered> crashes=<n>

and writes each crashing input to fuzz_crashes/. When the bug is fixed, name the input and add a case to tests/bad_input.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

READERS = ("xml", "bed", "config", "table", "genes")
SEPARATOR = b"\n%%%%\n"
INSTRUMENTED = [
    "ecgwas.ecg",
    "ecgwas.study",
    "ecgwas.tables",
    "ecgwas.genotypes",
    "ecgwas.traits",
    "ecgwas.scan",
    "ecgwas.loci",
    "ecgwas.genes",
]


@dataclass(frozen=True)
class Found:
    """The result of fuzzing one reader."""

    reader: str
    executions: int
    seconds: int
    edges: int
    crashes: tuple[Path, ...]
    said: str

    def line(self) -> str:
        """The printed line."""
        return (
            f"FUZZ reader={self.reader} executions={self.executions} seconds={self.seconds} edges={self.edges} "
            f"crashes={len(self.crashes)}"
        )


def fuzz(reader: str, seconds: int, crashes: Path, seed: int = 1) -> Found:
    """Fuzzes one reader in a separate process."""
    crashes.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fuzz_") as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, content in enumerate(seeds(reader)):
            (corpus / f"good{number}").write_bytes(content)
        command = [sys.executable, __file__, "--child", reader, str(corpus), f"-max_total_time={seconds}", "-timeout=10"]
        command += ["-rss_limit_mb=4096", "-print_final_stats=1", f"-artifact_prefix={crashes}/{reader}_", f"-seed={seed}"]
        done = subprocess.run([*command, "-max_len=20000"], capture_output=True, text=True, errors="replace", cwd=folder)
    said = done.stdout + done.stderr
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", said) or re.search(r"#(\d+)\s+DONE", said)
    edges = re.findall(r"cov: (\d+)", said)
    left = tuple(sorted(crashes.glob(f"{reader}_*")))
    if executed is None and not left:
        raise RuntimeError(f"the fuzzer did not run:\n{said[-2000:]}")
    return Found(reader, int(executed[1]) if executed else 0, seconds, int(edges[-1]) if edges else 0, left, said)


def seeds(reader: str) -> list[bytes]:
    """Valid inputs to start from, made without the code under test."""
    leads = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
    wave = ",".join(str((i * 37) % 91) for i in range(60))
    if reader == "xml":
        data = "".join(f'<WaveformData lead="{lead}">{wave}</WaveformData>' for lead in leads)
        head = '<SampleRate units="Hz">500</SampleRate><ChannelSampleCountTotal>60</ChannelSampleCountTotal>'
        soft = (
            f'<?xml version="1.0"?><CardiologyXML><ObservationType>RestECG</ObservationType><StripData>{head}'
            f'<Resolution units="uVperLsb">5</Resolution>{data}</StripData></CardiologyXML>'
        )
        digits = wave.replace(",", " ")
        aecg = (
            '<?xml version="1.0"?><AnnotatedECG xmlns="urn:hl7-org:v3"><component><series><component><sequenceSet><component>'
            '<sequence><code code="TIME_ABSOLUTE"/><value><increment value="0.002" unit="s"/></value></sequence></component>'
            f'<component><sequence><code code="MDC_ECG_LEAD_I"/><value>'
            f'<origin value="0" unit="uV"/><scale value="5" unit="uV"/>'
            f"<digits>{digits}</digits></value></sequence></component></sequenceSet></component></series></component>"
            "</AnnotatedECG>"
        )
        table = "I,II,V1,V2,V3,V4,V5,V6\n" + "\n".join(",".join(str(i * k % 9) for k in range(8)) for i in range(20))
        units = "I;II\nmV;mV\n" + "\n".join(f"0,{i:03};-1,{i}" for i in range(20))
        head = f"{'0':184}{'512':52}{'1':8}{'1':8}{'1':4}"
        signal = f"{'I':96}{'uV':8}{'-5000,0':8}{'5000':8}{'-2048':8}{'2047':8}{'':80}{'20':8}{'':32}"
        edf = (head + signal).encode() + bytes(range(40))
        return [soft.encode(), aecg.encode(), table.encode(), units.encode(), edf, b"RIFF" + bytes(100)]
    if reader == "bed":
        bim = "".join(f"1\tv{i}\t0\t{100 + i}\tG\tA\n" for i in range(3))
        fam = "".join(f"f\tp{i}\t0\t0\t1\t-9\n" for i in range(5))
        return [SEPARATOR.join([b"\x6c\x1b\x01" + bytes([0b11100100, 2] * 3), bim.encode(), fam.encode()])]
    if reader == "config":
        example = Path(__file__).resolve().parents[2] / "examples" / "study.yaml"
        small = (
            b"name: s\nread: {recordings: ecg}\nrepresent:\n  - {kind: pca, name: p}\ntraits: {covariates: c.tsv}\n"
            b"scan: {kind: matrix, genotypes: g}\n"
        )
        return [small, example.read_bytes()]
    if reader == "table":
        return [b"eid\tage\tcenter\n1\t40\t1\n2\tNA\t2\n", b'eid,age\r\n"1",5\r\n', b"\xef\xbb\xbfeid age\n1 2\n"]
    links = b"protein1 protein2 combined_score\n9606.P0 9606.P1 900\n"
    return [b"1 100 200 AAA\n2 5 9 BBB\n", b"heart\tx\tAAA\tBBB\n", links, b'1\tx\tgene\t5\t9\t.\t+\t.\tgene_name "A";\n']


def _targets(folder: Path) -> dict[str, Callable[[bytes], None]]:
    """Reader -> the function called with each input. Imports are local, so that they are instrumented."""
    from ecgwas.ecg import formats
    from ecgwas.errors import EcgwasError
    from ecgwas.genes.sources import enrichment, regions, string_files
    from ecgwas.genes.web.files import version_of
    from ecgwas.genotypes import chromosomes
    from ecgwas.study import Enrichment, Matrix, Regions, StringFiles, Study, TraitOptions
    from ecgwas.traits import covariates

    def quietly(*works: Callable[[], object]) -> None:
        for work in works:
            try:
                work()
            except EcgwasError as error:
                if not error.fix or not str(error):
                    raise RuntimeError("an error without a cure") from error

    # Tables and arrays are read with a sidecar alone.
    sidecar = {"rate_hz": 500, "unit": "mV", "leads": ["I", "II", "V1", "V2", "V3", "V4", "V5", "V6"]}
    (folder / "recordings.json").write_text(json.dumps(sidecar))

    def xml(data: bytes) -> None:
        quietly(lambda: formats.recognise(data, folder / "x").parse(data, folder / "x"))

    def bed(data: bytes) -> None:
        pieces = [*data.split(SEPARATOR), b"", b""][:3]
        for ending, piece in zip(("bed", "bim", "fam"), pieces, strict=True):
            (folder / f"g.{ending}").write_bytes(piece)
        options = Matrix.model_validate({"genotypes": folder / "g"})

        def read() -> None:
            for part in chromosomes.available(options):
                opened = chromosomes.open_chromosome(options, part)
                opened.dosages(0, len(opened))

        quietly(read, lambda: chromosomes.eids_in_all_files(options))

    def config(data: bytes) -> None:
        (folder / "study.yaml").write_bytes(data)
        quietly(lambda: Study.read_file(folder / "study.yaml"))

    def table(data: bytes) -> None:
        (folder / "c.tsv").write_bytes(data)
        quietly(lambda: covariates.read(TraitOptions(covariates=folder / "c.tsv")))

    def genes(data: bytes) -> None:
        (folder / "t").write_bytes(data)
        (folder / "info").write_text("#string_protein_id\tpreferred_name\n9606.P0\tA\n9606.P1\tB\n")
        network = StringFiles(links=folder / "t", info=folder / "info")
        quietly(
            lambda: regions.read(folder / "t"),
            lambda: list(enrichment.read_terms(Enrichment(terms=folder / "t"))),
            lambda: string_files.connect(network, ["A", "B"]),
            lambda: version_of(Regions(file=folder / "t").file),
        )

    return {"xml": xml, "bed": bed, "config": config, "table": table, "genes": genes}


def _child(reader: str, arguments: Sequence[str]) -> None:
    """Never returns: libFuzzer ends the process."""
    import atheris

    with tempfile.TemporaryDirectory(prefix="fuzzed_", dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        with atheris.instrument_imports(include=INSTRUMENTED):
            target = _targets(Path(folder))[reader]
        atheris.Setup([sys.argv[0], *arguments], target)
        atheris.Fuzz()


def main() -> int:
    """Prints a line for each reader; returns 1 if any crashed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--only", choices=READERS)
    parser.add_argument("--crashes", type=Path, default=Path("fuzz_crashes"))
    chosen = parser.parse_args()
    clean = True
    for reader in READERS if chosen.only is None else (chosen.only,):
        found = fuzz(reader, 3 if chosen.quick else chosen.seconds, chosen.crashes.resolve())
        print(found.line(), flush=True)
        clean &= not found.crashes
    return 0 if clean else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(sys.argv[2], sys.argv[3:])
    from benchmarks.record import recorded

    recorded(main, __file__)
