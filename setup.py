"""The one compiled piece, optional: without a C compiler the scan runs on NumPy and says so."""

from setuptools import Extension, setup

HEADERS = ("_jobs", "_bodies", "_table_body", "_prepare_body", "_gaps_body", "_refits_body", "_tests_body")

setup(
    ext_modules=[
        Extension(
            "ecgwas.associate.engine._table",
            sources=["src/ecgwas/associate/engine/_table.c"],
            depends=[f"src/ecgwas/associate/engine/{name}.h" for name in HEADERS],
            extra_compile_args=["-O3", "-std=c11", "-ffp-contract=off", "-fno-strict-aliasing", "-Wno-psabi"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
