"""The one compiled piece, optional: without a C compiler the scan runs on NumPy and says so."""

import runpy
from pathlib import Path

from setuptools import Extension, setup

NATIVE = "src/ecgwas/native"
SHARED = runpy.run_path(str(Path(__file__).parent / NATIVE / "constants.py"))


setup(
    ext_modules=[
        Extension(
            "ecgwas.native._table",
            sources=[f"{NATIVE}/_table.c"],
            depends=[*sorted(map(str, Path(NATIVE).glob("*.h"))), f"{NATIVE}/constants.py"],
            extra_compile_args=["-O3", "-std=c11", "-ffp-contract=off", "-fno-strict-aliasing", "-Wno-psabi"],
            define_macros=[("Py_LIMITED_API", "0x030B0000"), *((name, repr(SHARED[name])) for name in SHARED["NAMES"])],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
