/* The compiled part of the scan, optional at install. Everything here has a twin in NumPy. Conventions: _jobs.h.
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
 *
 * Every sum is taken in the same order whatever the instruction set, and no multiplication is fused with an addition
 * (-ffp-contract=off in setup.py), so the results have the same bits on every machine.
 */
#define PY_SSIZE_T_CLEAN /* Py_LIMITED_API comes from setup.py */
#include <Python.h>
#include "_jobs.h"

#define SMALLEST_ROOT 1e-6

/* Packed byte -> row of its table: four digits to base 3, no call counts 0. */
static uint8_t row_of[256];

static void fill_row_of(void) {
    for (int byte = 0; byte < 256; byte++) {
        int row = 0, place = 1;
        for (int person = 0; person < 4; person++, place *= 3) {
            int code = byte >> (2 * person) & 3;
            row += code == 3 ? 0 : code * place;
        }
        row_of[byte] = (uint8_t)row;
    }
}

#define GLUE(a, b) a##_##b
#define GLUED(a, b) GLUE(a, b)
#define NAME(a) GLUED(a, SET)
#define QUOTE(a) #a
#define TEXT(a) QUOTE(a)

/* The same bodies for each instruction set, with the widest vectors that it has. Vectors wider than the machine's would
 * be kept in memory by the compiler instead of in registers. */
#define VECTOR 4
#define SET baseline
#define TARGET
#include "_bodies.h"

#if defined(__x86_64__)
#define VECTOR 8
#define SET avx2
#define TARGET __attribute__((target("avx2,bmi,bmi2,popcnt")))
#include "_bodies.h"

#define VECTOR 16
#define SET avx512f
#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,bmi,bmi2,popcnt")))
#include "_bodies.h"
#endif

static const kernels_t *kernel_sets[] = {
#if defined(__x86_64__)
    &kernels_avx512f,
    &kernels_avx2,
#endif
    &kernels_baseline,
};
static const kernels_t *active = &kernels_baseline;

static int runs_here(const kernels_t *set) {
    (void)set;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (set == &kernels_avx512f)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("bmi2");
    if (set == &kernels_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
#endif
    return 1;
}

#define COUNT ((int)(sizeof kernel_sets / sizeof *kernel_sets))

static void choose_widest(void) {
    for (int i = COUNT - 1; i >= 0; i--)
        if (runs_here(kernel_sets[i]))
            active = kernel_sets[i];
}

#define MAX_BUFFERS 10
typedef struct {
    Py_buffer views[MAX_BUFFERS];
    int count;
} buffers_t;

static void release_buffers(buffers_t *buffers) {
    for (int i = 0; i < buffers->count; i++)
        PyBuffer_Release(&buffers->views[i]);
}

/* What an array must be. `kind`: the format of its numbers (f float, u unsigned or bool, i signed) and their size in bytes. */
typedef struct {
    const char *name, *kind;
    int writable, dimensions;
    size shape[3];
    size alignment; /* of its memory, in bytes; 0: that of its numbers */
} array_spec_t;

/* f, u or i for the format of a buffer (PEP 3118); 0 for anything else: other byte orders, records, complex numbers. */
static char kind_of(const char *format) {
    if (format == NULL)
        return 'u';
    if (*format == '@' || *format == '=' || *format == (PY_LITTLE_ENDIAN ? '<' : '>'))
        format++;
    if (*format == 0 || format[1] != 0)
        return 0;
    if (strchr("fd", *format))
        return 'f';
    if (strchr("?BHILQ", *format))
        return 'u';
    return strchr("bhilq", *format) ? 'i' : 0;
}

/* True if the buffer has the format, shape and alignment wanted; otherwise sets a Python exception. */
static int matches(const Py_buffer *buffer, const array_spec_t *wanted) {
    size item = wanted->kind[1] - '0';
    if (kind_of(buffer->format) != wanted->kind[0] || buffer->itemsize != item) {
        PyErr_Format(PyExc_TypeError, "%s: numbers of format %s (%zd bytes), expected %s", wanted->name,
                     buffer->format ? buffer->format : "B", buffer->itemsize, wanted->kind);
        return 0;
    }
    int same = buffer->ndim == wanted->dimensions;
    for (int i = 0; same && i < wanted->dimensions; i++)
        same = wanted->shape[i] >= 0 && buffer->shape[i] == wanted->shape[i];
    if (!same) {
        PyErr_Format(PyExc_ValueError, "%s: the shapes of the arrays do not fit the numbers given", wanted->name);
        return 0;
    }
    if ((uintptr_t)buffer->buf % (uintptr_t)(wanted->alignment ? wanted->alignment : item) != 0) {
        PyErr_Format(PyExc_ValueError, "%s: the array is not aligned", wanted->name);
        return 0;
    }
    return 1;
}

/* The memory of an array, valid until release_buffers. NULL, and *ok 0, if it is not as wanted: it would be misread, or read
 * beyond its end. */
static void *array(buffers_t *buffers, PyObject *given, array_spec_t wanted, int *ok) {
    if (!*ok)
        return NULL;
    int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (wanted.writable ? PyBUF_WRITABLE : 0);
    Py_buffer *buffer = &buffers->views[buffers->count];
    if (PyObject_GetBuffer(given, buffer, flags) < 0) {
        *ok = 0;
        return NULL;
    }
    buffers->count++;
    *ok = matches(buffer, &wanted);
    return *ok ? buffer->buf : NULL;
}

#define VECTOR_OF(name, kind, writable, a) (array_spec_t){name, kind, writable, 1, {a, 0, 0}, 0}
#define MATRIX_OF(name, kind, writable, a, b) (array_spec_t){name, kind, writable, 2, {a, b, 0}, 0}

static array_spec_t tiles_of(const products_t *job) {
    return (array_spec_t){"tiles", "f4", 0, 3, {job->tile_count, job->bytes * 4, LANES}, 0};
}

/* Aligned, since it is read in whole vectors. */
static array_spec_t basis_of(size people, size rank) {
    return (array_spec_t){"basis", "f8", 0, 2, {people, WIDE(rank), 0}, sizeof(lanes_t)};
}

static PyObject *finish(buffers_t *buffers, int ok, int ready) {
    release_buffers(buffers);
    if (!ok)
        return NULL;
    if (!ready)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static int dims_ok(size a, size b, size c) {
    size most = (size)1 << 40;
    if (a >= 0 && b >= 0 && c >= 0 && a < most && b < most && c < most)
        return 1;
    PyErr_SetString(PyExc_ValueError, "the buffers' sizes do not fit the numbers given");
    return 0;
}

static size strip_of(size variants) {
    return variants < STRIP_VARIANTS ? variants : STRIP_VARIANTS;
}

/* Bytes for the ends, order and rows of one panel of a strip; `bytes`: packed bytes of a variant. */
static size row_list_bytes_of(size variants, size bytes) {
    size chunks = bytes < PANEL * CHUNK ? (bytes + CHUNK - 1) / CHUNK : PANEL;
    size rows = (strip_of(variants) * 2 * PAIRS * chunks + CHUNK + 1) * (size)sizeof(uint16_t);
    size order = chunks * strip_of(variants) * (size)sizeof(uint32_t);
    return (PANEL * (size)sizeof(size[PAIRS + 1]) + order + rows + 63) / 64 * 64;
}

static void place_row_lists(products_t *job, uint8_t *memory, size variants) {
    size chunks = job->bytes < PANEL * CHUNK ? (job->bytes + CHUNK - 1) / CHUNK : PANEL;
    job->ends = (size(*)[PAIRS + 1]) memory;
    job->order = (uint32_t *)(job->ends + PANEL);
    job->rows = (uint16_t *)(job->order + chunks * strip_of(variants));
}

/* Strip by strip, so that a tile's sums and a chunk's list stay in the second-level cache too. */
static int run_products(products_t *all) {
    products_t strip = *all, *job = &strip;
    size_t variants = (size_t)strip_of(all->variants);
    size strip_bytes = row_list_bytes_of(all->variants, all->bytes);
    uint8_t *owned = all->row_lists ? NULL : aligned((size_t)strip_bytes);
    job->sums = aligned((size_t)job->tile_count * variants * sizeof(lanes_t));
    job->tables = aligned(CHUNK * ROWS * sizeof(lanes_t));
    job->nonzero = aligned(variants * sizeof(uint32_t));
    int ready = job->sums && job->tables && job->nonzero && (owned || all->row_lists);
    for (size start = 0; ready && start < all->variants; start += STRIP_VARIANTS) {
        size left = all->variants - start;
        place_row_lists(job, owned ? owned : all->row_lists + start / STRIP_VARIANTS * strip_bytes, all->variants);
        job->variants = left < STRIP_VARIANTS ? left : STRIP_VARIANTS;
        job->packed = all->packed + start * all->stride;
        job->out = all->out == NULL ? NULL : all->out + start * all->tile_count * LANES;
        job->first = start;
        active->products(job);
    }
    free(job->sums);
    free(job->tables);
    free(job->nonzero);
    free(owned);
    return ready;
}

/* The row lists of all strips, or NULL. They can be kept only for people whose bytes make one panel. */
static uint8_t *row_lists_of(buffers_t *buffers, PyObject *given, const products_t *job, int *ok) {
    if (!*ok || given == Py_None)
        return NULL;
    size strips = (job->variants + STRIP_VARIANTS - 1) / STRIP_VARIANTS;
    *ok = dims_ok(PANEL * CHUNK - job->bytes, 0, 0);
    size there = *ok ? PyObject_Size(given) : -1;
    if (there < 0)
        *ok = 0;
    else if (there < strips * row_list_bytes_of(job->variants, job->bytes))
        *ok = dims_ok(-1, 0, 0);
    array_spec_t wanted = VECTOR_OF("row_lists", "u1", 1, there);
    wanted.alignment = sizeof(size);
    return array(buffers, given, wanted, ok);
}

static PyObject *row_list_bytes(PyObject *self, PyObject *args) {
    size variants, bytes;
    (void)self;
    if (!PyArg_ParseTuple(args, "nn", &variants, &bytes) || !dims_ok(variants, bytes, PANEL * CHUNK - bytes))
        return NULL;
    return PyLong_FromSsize_t((variants + STRIP_VARIANTS - 1) / STRIP_VARIANTS * row_list_bytes_of(variants, bytes));
}

static PyObject *products(PyObject *self, PyObject *args) {
    PyObject *packed, *tiles, *out, *row_lists;
    products_t job = {0};
    buffers_t buffers = {.count = 0};
    int ready = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOnnnn", &packed, &tiles, &out, &row_lists, &job.variants, &job.stride, &job.bytes,
                          &job.tile_count))
        return NULL;
    int ok = dims_ok(job.variants, job.stride, job.bytes) && dims_ok(job.tile_count, job.stride - job.bytes, 0) &&
             dims_ok(-(job.stride % WORD), 0, 0);
    job.packed = array(&buffers, packed, MATRIX_OF("packed", "u1", 0, job.variants, job.stride), &ok);
    job.tiles = array(&buffers, tiles, tiles_of(&job), &ok);
    job.out = array(&buffers, out, MATRIX_OF("out", "f4", 1, job.variants, job.tile_count * LANES), &ok);
    job.row_lists = row_lists_of(&buffers, row_lists, &job, &ok);
    if (ok) {
        Py_BEGIN_ALLOW_THREADS
        ready = run_products(&job);
        Py_END_ALLOW_THREADS
    }
    return finish(&buffers, ok, ready);
}

static PyObject *prepare(PyObject *self, PyObject *args) {
    PyObject *source, *keep, *packed, *counts;
    prepare_t job = {0};
    buffers_t buffers = {.count = 0};
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOnnnn", &source, &keep, &packed, &counts, &job.variants, &job.stride, &job.words,
                          &job.people))
        return NULL;
    int ok = dims_ok(job.variants, job.stride, job.words) && dims_ok(job.people, job.words * 32 - job.people, 0);
    job.source_words = (job.stride + WORD - 1) / WORD;
    job.source = array(&buffers, source, MATRIX_OF("source", "u1", 0, job.variants, job.stride), &ok);
    job.keep = array(&buffers, keep, VECTOR_OF("keep", "u8", 0, job.source_words), &ok);
    job.packed = array(&buffers, packed, MATRIX_OF("packed", "u1", 1, job.variants, job.words * WORD), &ok);
    job.counts = array(&buffers, counts, MATRIX_OF("counts", "i8", 1, 4, job.variants), &ok);
    if (ok) {
        Py_BEGIN_ALLOW_THREADS
        active->prepare(&job);
        Py_END_ALLOW_THREADS
    }
    return finish(&buffers, ok, 1);
}

static PyObject *adjust_missing(PyObject *self, PyObject *args) {
    PyObject *packed, *basis, *traits, *projection, *missing, *projected_ss, *cross_product, *trait_ss;
    adjust_t job = {0};
    buffers_t buffers = {.count = 0};
    size people;
    int ready = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOOOOnnnnnnnp", &packed, &basis, &traits, &projection, &missing, &projected_ss,
                          &cross_product, &trait_ss, &job.variants, &job.words, &people, &job.rank, &job.trait_count,
                          &job.padded_count, &job.stride, &job.is_thorough))
        return NULL;
    int ok = dims_ok(job.variants, job.words, people) && dims_ok(-(job.padded_count % GROUP), 0, 0) &&
             dims_ok(job.rank, job.trait_count, job.padded_count - job.trait_count) &&
             dims_ok(job.words * 32 - people, job.stride - job.trait_count, 0);
    job.packed = array(&buffers, packed, MATRIX_OF("packed", "u1", 0, job.variants, job.words * WORD), &ok);
    job.basis = array(&buffers, basis, basis_of(people, job.rank), &ok);
    job.traits = array(&buffers, traits, MATRIX_OF("traits", "f4", 0, people, job.padded_count), &ok);
    job.projection = array(&buffers, projection, MATRIX_OF("projection", "f8", 0, job.variants, job.rank), &ok);
    job.missing = array(&buffers, missing, VECTOR_OF("missing", "i8", 0, job.variants), &ok);
    job.projected_ss = array(&buffers, projected_ss, VECTOR_OF("projected_ss", "f8", 1, job.variants), &ok);
    job.cross_product = array(&buffers, cross_product, MATRIX_OF("cross_product", "f4", 1, job.variants, job.stride), &ok);
    job.trait_ss = array(&buffers, trait_ss, MATRIX_OF("trait_ss", "f4", 1, job.variants, job.trait_count), &ok);
    if (ok) {
        Py_BEGIN_ALLOW_THREADS
        ready = active->adjust_missing(&job);
        Py_END_ALLOW_THREADS
    }
    return finish(&buffers, ok, ready);
}

static PyObject *tests(PyObject *self, PyObject *args) {
    PyObject *cross_product, *genotype_ss, *df, *min_t2, *testable, *trait_ss, *t2_histogram, *candidates;
    tests_t job = {0};
    buffers_t buffers = {.count = 0};
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOOOOnnnnn", &cross_product, &genotype_ss, &df, &min_t2, &testable, &trait_ss,
                          &t2_histogram, &candidates, &job.variants, &job.stride, &job.trait_count, &job.bins, &job.capacity))
        return NULL;
    int ok = dims_ok(job.variants, job.trait_count, job.stride - job.trait_count) && dims_ok(job.bins - 1, job.capacity, 0);
    job.cross_product = array(&buffers, cross_product, MATRIX_OF("cross_product", "f4", 0, job.variants, job.stride), &ok);
    job.genotype_ss = array(&buffers, genotype_ss, VECTOR_OF("genotype_ss", "f4", 0, job.variants), &ok);
    job.df = array(&buffers, df, VECTOR_OF("df", "f4", 0, job.variants), &ok);
    job.min_t2 = array(&buffers, min_t2, VECTOR_OF("min_t2", "f4", 0, job.variants), &ok);
    job.testable = array(&buffers, testable, VECTOR_OF("testable", "u1", 0, job.variants), &ok);
    if (trait_ss != Py_None)
        job.trait_ss = array(&buffers, trait_ss, MATRIX_OF("trait_ss", "f4", 0, job.variants, job.trait_count), &ok);
    job.t2_histogram = array(&buffers, t2_histogram, MATRIX_OF("t2_histogram", "u4", 1, job.trait_count, job.bins), &ok);
    job.candidates = array(&buffers, candidates, MATRIX_OF("candidates", "i4", 1, job.capacity, 2), &ok);
    if (ok) {
        Py_BEGIN_ALLOW_THREADS
        active->tests(&job);
        Py_END_ALLOW_THREADS
    }
    release_buffers(&buffers);
    return ok ? PyLong_FromSsize_t(job.candidate_count) : NULL;
}

static PyObject *products_and_tests(PyObject *self, PyObject *args) {
    PyObject *packed, *tiles, *row_lists, *genotype_ss, *df, *min_t2, *testable, *t2_histogram, *candidates;
    products_t job = {0};
    tests_t tests = {0};
    buffers_t buffers = {.count = 0};
    int ready = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOOOOOnnnnnnn", &packed, &tiles, &row_lists, &genotype_ss, &df, &min_t2, &testable,
                          &t2_histogram, &candidates, &job.variants, &job.stride, &job.bytes, &job.tile_count,
                          &tests.trait_count, &tests.bins, &tests.capacity))
        return NULL;
    int ok = dims_ok(job.variants, job.stride, job.bytes) && dims_ok(job.tile_count, job.stride - job.bytes, tests.capacity) &&
             dims_ok(-(job.stride % WORD), tests.bins - 1, tests.trait_count) &&
             dims_ok(tests.trait_count - (job.tile_count - 1) * LANES - 1, job.tile_count * LANES - tests.trait_count, 0);
    tests.variants = job.variants;
    job.tests = &tests;
    job.packed = array(&buffers, packed, MATRIX_OF("packed", "u1", 0, job.variants, job.stride), &ok);
    job.tiles = array(&buffers, tiles, tiles_of(&job), &ok);
    job.row_lists = row_lists_of(&buffers, row_lists, &job, &ok);
    job.has_row_lists = job.row_lists != NULL;
    tests.genotype_ss = array(&buffers, genotype_ss, VECTOR_OF("genotype_ss", "f4", 0, job.variants), &ok);
    tests.df = array(&buffers, df, VECTOR_OF("df", "f4", 0, job.variants), &ok);
    tests.min_t2 = array(&buffers, min_t2, VECTOR_OF("min_t2", "f4", 0, job.variants), &ok);
    tests.testable = array(&buffers, testable, VECTOR_OF("testable", "u1", 0, job.variants), &ok);
    tests.t2_histogram = array(&buffers, t2_histogram, MATRIX_OF("t2_histogram", "u4", 1, tests.trait_count, tests.bins), &ok);
    tests.candidates = array(&buffers, candidates, MATRIX_OF("candidates", "i4", 1, tests.capacity, 2), &ok);
    if (ok) {
        Py_BEGIN_ALLOW_THREADS
        ready = run_products(&job);
        Py_END_ALLOW_THREADS
    }
    release_buffers(&buffers);
    if (ok && !ready)
        return PyErr_NoMemory();
    return ok ? PyLong_FromSsize_t(tests.candidate_count) : NULL;
}

static PyObject *refit_exact(PyObject *self, PyObject *args) {
    PyObject *packed, *basis, *traits, *candidates, *missing, *raw_ss, *sums;
    refit_t job = {0};
    buffers_t buffers = {.count = 0};
    size traits_there;
    int ready = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOOOnnnnnn", &packed, &basis, &traits, &candidates, &missing, &raw_ss, &sums, &job.variants,
                          &job.words, &job.people, &job.rank, &traits_there, &job.hits))
        return NULL;
    int ok = dims_ok(job.variants, job.words, job.people) && dims_ok(job.rank, traits_there, job.hits) &&
             dims_ok(job.words * 32 - job.people, 0, 0);
    job.packed = array(&buffers, packed, MATRIX_OF("packed", "u1", 0, job.variants, job.words * WORD), &ok);
    job.basis = array(&buffers, basis, basis_of(job.people, job.rank), &ok);
    job.traits = array(&buffers, traits, MATRIX_OF("traits", "f8", 0, traits_there, job.people), &ok);
    job.candidates = array(&buffers, candidates, MATRIX_OF("candidates", "i4", 0, job.hits, 2), &ok);
    job.missing = array(&buffers, missing, VECTOR_OF("missing", "i8", 0, job.variants), &ok);
    job.raw_ss = array(&buffers, raw_ss, VECTOR_OF("raw_ss", "f8", 0, job.variants), &ok);
    job.sums = array(&buffers, sums, MATRIX_OF("sums", "f8", 1, job.hits, 3), &ok);
    for (size hit = 0; ok && hit < job.hits; hit++)
        ok = job.candidates[2 * hit] >= 0 && job.candidates[2 * hit] < job.variants && job.candidates[2 * hit + 1] >= 0 &&
             job.candidates[2 * hit + 1] < traits_there;
    if (ok) {
        Py_BEGIN_ALLOW_THREADS
        ready = active->refit_exact(&job);
        Py_END_ALLOW_THREADS
    } else if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, "hits lie outside the arrays");
    }
    return finish(&buffers, ok, ready);
}

static PyObject *instructions(PyObject *self, PyObject *args) {
    const char *wanted = NULL;
    (void)self;
    if (!PyArg_ParseTuple(args, "|z", &wanted))
        return NULL;
    int found = wanted == NULL;
    for (int i = 0; i < COUNT && wanted; i++) {
        if (strcmp(kernel_sets[i]->name, wanted) == 0 && runs_here(kernel_sets[i])) {
            active = kernel_sets[i];
            found = 1;
        }
    }
    if (!found)
        return PyErr_Format(PyExc_ValueError, "this machine has no instruction set %s", wanted);
    return PyUnicode_FromString(active->name);
}

static PyMethodDef methods[] = {
    {"products", products, METH_VARARGS,
     "products(packed, tiles, out, row_lists, variants, stride, bytes, tiles): fills out, and row_lists unless None."},
    {"row_list_bytes", row_list_bytes, METH_VARARGS, "row_list_bytes(variants, bytes) -> int: bytes of row_lists."},
    {"prepare", prepare, METH_VARARGS, "prepare(source, keep, packed, counts, variants, stride, words, people)"},
    {"adjust_missing", adjust_missing, METH_VARARGS,
     "adjust_missing(packed, basis, traits, projection, missing, projected_ss, cross_product, trait_ss, variants, "
     "words, people, rank, traits, padded, stride, thorough)"},
    {"tests", tests, METH_VARARGS,
     "tests(cross_product, genotype_ss, df, min_t2, testable, trait_ss, t2_histogram, candidates, variants, "
     "stride, traits, bins, capacity): "
     "how many tests are candidates, of which at most `capacity` are listed."},
    {"products_and_tests", products_and_tests, METH_VARARGS,
     "products_and_tests(packed, tiles, row_lists, genotype_ss, df, min_t2, testable, t2_histogram, candidates, variants, "
     "stride, bytes, tiles, traits, bins, capacity): as tests, of products that are not kept; "
     "row_lists: as products filled them for the same packed, or None."},
    {"refit_exact", refit_exact, METH_VARARGS,
     "refit_exact(packed, basis, traits, candidates, missing, raw_ss, sums, variants, words, people, rank, traits, hits)"},
    {"instructions", instructions, METH_VARARGS, "instructions(name=None) -> str: the instruction set in use from now on."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_table", "The compiled part of the scan.", 0, methods, NULL, NULL, NULL, NULL};

#define SHARED(name) {#name, name}
static const struct {
    const char *name;
    double number;
} shared[] = {SHARED(VERSION), SHARED(LANES),         SHARED(GROUP),           SHARED(CHUNK),
              SHARED(PANEL),   SHARED(BINS_PER_UNIT), SHARED(MIN_UNEXPLAINED), SHARED(T2_TOLERANCE)};

PyMODINIT_FUNC PyInit__table(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL)
        return NULL;
    fill_row_of();
    choose_widest();
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        PyObject *number = PyFloat_FromDouble(shared[i].number);
        if (number == NULL || PyModule_AddObjectRef(module, shared[i].name, number) < 0) {
            Py_XDECREF(number);
            Py_DECREF(module);
            return NULL;
        }
        Py_DECREF(number);
    }
    return module;
}
