"""The one compiled piece, optional: without a C compiler the scan runs on NumPy and says so."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "ecgwas.associate._table",
            sources=["src/ecgwas/associate/_table.c"],
            depends=["src/ecgwas/associate/_table_body.h"],
            extra_compile_args=["-O3", "-std=c11", "-fno-strict-aliasing", "-Wno-psabi"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
