"""Gene symbols that a spreadsheet has converted to dates or numbers (Ziemann et al. 2016, Genome Biol 17:177)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ecgwas.errors import Caution, first_few

MONTHS = (
    "jan", "ene", "gen", "feb", "fev", "fév", "fevr", "févr", "mar", "mär", "maer", "mrz", "mrt", "mars", "marzo", "märz",
    "maerz", "march", "apr", "avr", "abr", "may", "mai", "mei", "mag", "jun", "juin", "giu", "jul", "juil", "lug", "aug", "aoû",
    "août", "ago", "sep", "sept", "set", "september", "oct", "okt", "out", "ott", "nov", "dec", "déc", "dez", "dic", "des",
    "december", "dezember",
)  # fmt: skip
"""Names and abbreviations in English, German, French, Italian, Spanish, Portuguese, Dutch and Scandinavian languages."""
MONTH = "(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\.?"
DAY, YEAR, SEPARATOR = r"(?:0?[1-9]|[12][0-9]|3[01])", r"(?:[0-9]{4}|[0-9]{2})", r"[-./ ]"
DATES = re.compile(
    rf"{DAY}\.?{SEPARATOR}?{MONTH}(?:{SEPARATOR}?{YEAR})?"  # 1-Mar, 1. Mrz, 01/Sep/2001
    rf"|{MONTH}[-/ ]{YEAR}"  # Sep-02, Mar-2001
    rf"|[0-9]{{4}}[-/.]{DAY}[-/.]{DAY}(?:[ T][0-9:.]+)?"  # 2001-03-01, 2001-03-01 00:00:00
    rf"|{DAY}[/-]{DAY}[/-]{YEAR}|{DAY}/{DAY}"  # 03/01/2001, 3/1
    rf"|{DAY}\.{DAY}\.(?:{YEAR})?",  # 01.03., 01.03.2001
    re.IGNORECASE,
)
NUMBERS = re.compile(r"[0-9]+(?:[.,][0-9]+)?E\+[0-9]+|[0-9]+[.,][0-9]+E[0-9]+|[0-9]+[.,][0-9]+", re.IGNORECASE)
ERRORS = re.compile(r"#(?:NAME\?|REF!|VALUE!|N/A|NUM!|DIV/0!|NULL!)|#{2,}")
WHOLE_NUMBER = re.compile(r"[0-9]+\.?")
MAX_NUMBERS = 0.5
"""If more of the symbols than this share are whole numbers, they are identifiers (of Entrez Gene) rather than damage."""
FIX = (
    "import the column of symbols as text and write the symbols again from their source (1-Mar was MARCH1, today MARCHF1, or "
    "MARC1, today MTARC1; 2-Sep was SEPT2, today SEPTIN2; 2.31E+13 was a name such as 2310009E13)"
)


def damaged(symbols: Iterable[str]) -> list[str]:
    """Symbols that are dates, numbers or error values of a spreadsheet, each once, in order.

    Whole numbers (43891 is a date's serial number) count unless more than MAX_NUMBERS of the symbols are whole numbers.
    """
    names = list(dict.fromkeys(symbol.strip().strip("\"'") for symbol in symbols))
    whole_numbers = [name for name in names if WHOLE_NUMBER.fullmatch(name)]
    numbers = set(whole_numbers) if len(whole_numbers) <= MAX_NUMBERS * len(names) else set()
    patterns = (DATES, NUMBERS, ERRORS)
    return [name for name in names if name in numbers or any(pattern.fullmatch(name) for pattern in patterns)]


def warning(symbols: Iterable[str], where: str) -> Caution | None:
    """A warning with the number of damaged symbols, the first few, and the remedy; None if no symbol is damaged.

    where: the file's name.
    """
    names = set(symbols)
    changed = damaged(sorted(names))
    if not changed:
        return None
    count = f"{len(changed)} of {len(names)} gene symbols are"
    return Caution(f"{where}: {count} what a spreadsheet makes of them: {first_few(changed)}; such genes are missed: {FIX}")
