/* The compiled part of the scan, optional at install. Everything here has a twin in NumPy.
 *
 * products            The table kernel ("four Russians"): genotypes times columns without decoding the genotypes. A packed byte
 *                     holds four people. For 16 columns at a time and 32 bytes (128 people), tables hold the sum for each of
 *                     the 81 values that a byte can have; they stay in the second-level cache. A variant then costs one table
 *                     row per byte, and nothing for a byte of four people without the minor allele. Sums over 128 people are
 *                     completed before they join the total, so that rounding errors are those of a blocked sum.
 * prepare             selects people, counts calls and recodes alleles, on 64-bit words
 * adjust_missing      adjusts the sums of squares and cross-products of all traits for missing calls
 * tests               counts t squared in histograms and compares it with the limit
 * products_and_tests  products and their tests in one pass, tile by tile; the products themselves are not kept
 * refit_exact         candidates in float64
 * related             pairs of related people, from counts of bits
 *
 * Every sum is taken in the same order whatever the instruction set, and no multiplication is fused with an addition
 * (-ffp-contract=off in setup.py), so the results have the same bits on every machine.
 *
 * The files, each included by this one in turn:
 *
 * _jobs.h             conventions, and what each body is given
 * _instructions.h     the bodies (_bodies.h: _tests_body.h, _table_body.h, _prepare_body.h, _missing_body.h, _refit_body.h,
 *                     _kinship_body.h) for each instruction set, and which set is used
 * _arrays.h           arrays from Python: their sizes are read and their format, shape and memory checked
 * _strips.h           products strip by strip, and row lists that are kept
 * _pairs.h            pairs of people, tile by tile
 * _functions.h        the functions that Python calls
 */
#define PY_SSIZE_T_CLEAN /* Py_LIMITED_API comes from setup.py */
#include <Python.h>
#include "_jobs.h"
#include "_instructions.h"
#include "_arrays.h"
#include "_strips.h"
#include "_pairs.h"
#include "_functions.h"

static PyMethodDef methods[] = {
    {"products", products, METH_VARARGS, "products(packed, tiles, out, row_lists): fills out, and row_lists unless None."},
    {"row_list_bytes", row_list_bytes, METH_VARARGS, "row_list_bytes(packed, tiles) -> int: bytes of row_lists."},
    {"prepare", prepare, METH_VARARGS, "prepare(source, keep, packed, counts): fills packed and counts."},
    {"adjust_missing", adjust_missing, METH_VARARGS,
     "adjust_missing(packed, basis, traits, projection, missing, projected_ss, cross_product, trait_ss, thorough): "
     "adjusts projected_ss and cross_product, fills trait_ss."},
    {"tests", tests, METH_VARARGS,
     "tests(cross_product, genotype_ss, df, min_t2, testable, trait_ss, t2_histogram, candidates) -> int: adds to "
     "t2_histogram; "
     "how many tests are candidates, of which as many are listed as there is room for. trait_ss: or None."},
    {"products_and_tests", products_and_tests, METH_VARARGS,
     "products_and_tests(packed, tiles, row_lists, genotype_ss, df, min_t2, testable, t2_histogram, candidates) -> int: as "
     "tests, "
     "of products that are not kept. row_lists: as products filled them for the same packed, or None."},
    {"refit_exact", refit_exact, METH_VARARGS,
     "refit_exact(packed, basis, rank, traits, candidates, missing, raw_ss, sums): fills sums."},
    {"related", related, METH_VARARGS,
     "related(calls, variants, min_kinship, begin, end, pairs, counts) -> int: how many pairs are related, of which as many "
     "are "
     "listed as there is room for."},
    {"instructions", instructions, METH_VARARGS, "instructions(name=None) -> str: the instruction set in use from now on."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_table", "The compiled part of the scan.", 0, methods, NULL, NULL, NULL, NULL};

/* Python compares these with its own and does not use a build that differs. */
#define SHARED(name) {#name, _Generic((name), double: 1, default: 0), name}
static const struct {
    const char *name;
    int is_real;
    double number;
} shared[] = {SHARED(VERSION),         SHARED(LANES),         SHARED(GROUP),           SHARED(CHUNK),         SHARED(PANEL),
              SHARED(CACHE_LINE),      SHARED(WORD_BYTES),    SHARED(PEOPLE_PER_BYTE), SHARED(BINS_PER_UNIT), SHARED(KIN_WORDS),
              SHARED(MIN_UNEXPLAINED), SHARED(SMALLEST_ROOT), SHARED(T2_TOLERANCE)};

static int export_shared(PyObject *module) {
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        PyObject *number = shared[i].is_real ? PyFloat_FromDouble(shared[i].number) : PyLong_FromDouble(shared[i].number);
        int is_added = number != NULL && PyModule_AddObjectRef(module, shared[i].name, number) == 0;
        Py_XDECREF(number);
        if (!is_added)
            return 0;
    }
    return 1;
}

PyMODINIT_FUNC PyInit__table(void) {
    PyObject *module = PyModule_Create(&definition);
    fill_row_of();
    choose_widest();
    if (module != NULL && !export_shared(module)) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
