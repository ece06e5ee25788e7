/* The compiled part of the scan, optional at install; everything here has a twin in NumPy.
 *
 * products  The table kernel ("four Russians"): genotypes times columns without decoding the genotypes. A packed byte
 *           holds four people. For 16 columns at a time and 32 bytes (128 people) the sums that each of a byte's 81 values
 *           stands for are put in tables, which stay in the second-level cache; a variant then costs one table row per
 *           byte, and nothing for a byte of four people without the minor allele. Sums over 128 people are added up before
 *           they join the total, so that rounding errors are those of a blocked sum.
 * prepare   people chosen, calls counted, alleles recoded, on 64-bit words
 * gaps      missing calls put right for all traits
 * tests     t squared counted in histograms and compared with the limit
 * counted   products and their tests in one, tile by tile: the products themselves are not kept
 * refits    hits in float64
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
        int row = 0, worth = 1;
        for (int person = 0; person < 4; person++, worth *= 3) {
            int code = byte >> (2 * person) & 3;
            row += code == 3 ? 0 : code * worth;
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

static const set_t *sets[] = {
#if defined(__x86_64__)
    &set_avx512f, &set_avx2,
#endif
    &set_baseline,
};
static const set_t *chosen = &set_baseline;

static int runs_here(const set_t *set) {
    (void)set;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (set == &set_avx512f)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("bmi2");
    if (set == &set_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
#endif
    return 1;
}

#define COUNT ((int)(sizeof sets / sizeof *sets))

static void choose_widest(void) {
    for (int i = COUNT - 1; i >= 0; i--)
        if (runs_here(sets[i]))
            chosen = sets[i];
}

#define MOST_BUFFERS 10
typedef struct {
    Py_buffer buffers[MOST_BUFFERS];
    int count;
} held_t;

static void let_go(held_t *held) {
    for (int i = 0; i < held->count; i++)
        PyBuffer_Release(&held->buffers[i]);
}

/* What an array must be: `kind` is the format of its numbers (f float, u unsigned or bool, i signed) and their bytes. */
typedef struct {
    const char *name, *kind;
    int writable, dimensions;
    size shape[3];
    size alignment; /* of its memory, bytes; 0: that of its numbers */
} wanted_t;

/* f, u or i of the format of a buffer (PEP 3118), 0 for anything else: other byte orders, records, complex numbers. */
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

/* True if the buffer is as wanted, in every dimension; else a Python exception is set. */
static int as_wanted(const Py_buffer *buffer, const wanted_t *wanted) {
    size item = wanted->kind[1] - '0';
    if (kind_of(buffer->format) != wanted->kind[0] || buffer->itemsize != item) {
        PyErr_Format(PyExc_TypeError, "%s: numbers of format %s (%zd bytes) where %s is due", wanted->name,
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
        PyErr_Format(PyExc_ValueError, "%s: the array does not begin where its numbers may", wanted->name);
        return 0;
    }
    return 1;
}

/* The memory of an array, held until let_go; NULL, and *right 0, where it is not as wanted: it would be read wrongly, or
 * beyond its end. */
static void *array(held_t *held, PyObject *given, wanted_t wanted, int *right) {
    if (!*right)
        return NULL;
    int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (wanted.writable ? PyBUF_WRITABLE : 0);
    Py_buffer *buffer = &held->buffers[held->count];
    if (PyObject_GetBuffer(given, buffer, flags) < 0) {
        *right = 0;
        return NULL;
    }
    held->count++;
    *right = as_wanted(buffer, &wanted);
    return *right ? buffer->buf : NULL;
}

#define VECTOR_OF(name, kind, writable, a) (wanted_t) {name, kind, writable, 1, {a, 0, 0}, 0}
#define MATRIX_OF(name, kind, writable, a, b) (wanted_t) {name, kind, writable, 2, {a, b, 0}, 0}

static wanted_t tiles_of(const products_t *job) {
    return (wanted_t){"tiles", "f4", 0, 3, {job->tile_count, job->bytes * 4, LANES}, 0};
}

/* It is read in whole vectors. */
static wanted_t basis_of(size people, size rank) {
    return (wanted_t){"basis", "f8", 0, 2, {people, WIDE(rank), 0}, sizeof(lanes_t)};
}

static PyObject *ended(held_t *held, int right, int ready) {
    let_go(held);
    if (!right)
        return NULL;
    if (!ready)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static int sane(size a, size b, size c) {
    size most = (size)1 << 40;
    if (a >= 0 && b >= 0 && c >= 0 && a < most && b < most && c < most)
        return 1;
    PyErr_SetString(PyExc_ValueError, "the buffers' sizes do not fit the numbers given");
    return 0;
}

static size strip_of(size variants) {
    return variants < PRODUCTS_STRIP ? variants : PRODUCTS_STRIP;
}

/* Room for ends, order and rows of one panel of a strip; `bytes` of people. */
static size list_bytes(size variants, size bytes) {
    size chunks = bytes < PANEL * CHUNK ? (bytes + CHUNK - 1) / CHUNK : PANEL;
    size rows = (strip_of(variants) * 2 * PAIRS * chunks + CHUNK + 1) * (size)sizeof(uint16_t);
    size order = chunks * strip_of(variants) * (size)sizeof(uint32_t);
    return (PANEL * (size)sizeof(size[PAIRS + 1]) + order + rows + 63) / 64 * 64;
}

static void place_lists(products_t *job, uint8_t *room, size variants) {
    size chunks = job->bytes < PANEL * CHUNK ? (job->bytes + CHUNK - 1) / CHUNK : PANEL;
    job->ends = (size(*)[PAIRS + 1]) room;
    job->order = (uint32_t *)(job->ends + PANEL);
    job->rows = (uint16_t *)(job->order + chunks * strip_of(variants));
}

/* Strip by strip, so that a tile's sums and a chunk's list stay in the second-level cache, too. */
static int run_products(products_t *whole) {
    products_t strip = *whole, *job = &strip;
    size_t variants = (size_t)strip_of(whole->variants);
    size room = list_bytes(whole->variants, whole->bytes);
    uint8_t *own = whole->lists ? NULL : aligned((size_t)room);
    job->sums = aligned((size_t)job->tile_count * variants * sizeof(lanes_t));
    job->tables = aligned(CHUNK * ROWS * sizeof(lanes_t));
    job->filled = aligned(variants * sizeof(uint32_t));
    int ready = job->sums && job->tables && job->filled && (own || whole->lists);
    for (size start = 0; ready && start < whole->variants; start += PRODUCTS_STRIP) {
        size left = whole->variants - start;
        place_lists(job, own ? own : whole->lists + start / PRODUCTS_STRIP * room, whole->variants);
        job->variants = left < PRODUCTS_STRIP ? left : PRODUCTS_STRIP;
        job->packed = whole->packed + start * whole->stride;
        job->out = whole->out == NULL ? NULL : whole->out + start * whole->tile_count * LANES;
        job->first = start;
        chosen->products(job);
    }
    free(job->sums);
    free(job->tables);
    free(job->filled);
    free(own);
    return ready;
}

/* Room for the lists of all strips; those of more than one panel of people cannot be kept. */
static uint8_t *lists_of(held_t *held, PyObject *given, const products_t *job, int *right) {
    if (!*right || given == Py_None)
        return NULL;
    size strips = (job->variants + PRODUCTS_STRIP - 1) / PRODUCTS_STRIP;
    *right = sane(PANEL * CHUNK - job->bytes, 0, 0);
    size there = *right ? PyObject_Size(given) : -1;
    if (there < 0)
        *right = 0;
    else if (there < strips * list_bytes(job->variants, job->bytes))
        *right = sane(-1, 0, 0);
    wanted_t wanted = VECTOR_OF("lists", "u1", 1, there);
    wanted.alignment = sizeof(size);
    return array(held, given, wanted, right);
}

static PyObject *list_room(PyObject *self, PyObject *args) {
    size variants, bytes;
    (void)self;
    if (!PyArg_ParseTuple(args, "nn", &variants, &bytes) || !sane(variants, bytes, PANEL * CHUNK - bytes))
        return NULL;
    return PyLong_FromSsize_t((variants + PRODUCTS_STRIP - 1) / PRODUCTS_STRIP * list_bytes(variants, bytes));
}

static PyObject *products(PyObject *self, PyObject *args) {
    PyObject *packed, *tiles, *out, *lists;
    products_t job = {0};
    held_t held = {.count = 0};
    int ready = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOnnnn", &packed, &tiles, &out, &lists, &job.variants, &job.stride, &job.bytes,
                          &job.tile_count))
        return NULL;
    int right = sane(job.variants, job.stride, job.bytes) && sane(job.tile_count, job.stride - job.bytes, 0) &&
                sane(-(job.stride % WORD), 0, 0);
    job.packed = array(&held, packed, MATRIX_OF("packed", "u1", 0, job.variants, job.stride), &right);
    job.tiles = array(&held, tiles, tiles_of(&job), &right);
    job.out = array(&held, out, MATRIX_OF("out", "f4", 1, job.variants, job.tile_count * LANES), &right);
    job.lists = lists_of(&held, lists, &job, &right);
    if (right) {
        Py_BEGIN_ALLOW_THREADS
        ready = run_products(&job);
        Py_END_ALLOW_THREADS
    }
    return ended(&held, right, ready);
}

static PyObject *prepare(PyObject *self, PyObject *args) {
    PyObject *source, *keep, *packed, *counts;
    prepare_t job = {0};
    held_t held = {.count = 0};
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOnnnn", &source, &keep, &packed, &counts, &job.variants, &job.stride, &job.words,
                          &job.people))
        return NULL;
    int right = sane(job.variants, job.stride, job.words) && sane(job.people, job.words * 32 - job.people, 0);
    job.source_words = (job.stride + WORD - 1) / WORD;
    job.source = array(&held, source, MATRIX_OF("source", "u1", 0, job.variants, job.stride), &right);
    job.keep = array(&held, keep, VECTOR_OF("keep", "u8", 0, job.source_words), &right);
    job.packed = array(&held, packed, MATRIX_OF("packed", "u1", 1, job.variants, job.words * WORD), &right);
    job.counts = array(&held, counts, MATRIX_OF("counts", "i8", 1, 4, job.variants), &right);
    if (right) {
        Py_BEGIN_ALLOW_THREADS
        chosen->prepare(&job);
        Py_END_ALLOW_THREADS
    }
    return ended(&held, right, 1);
}

static PyObject *gaps(PyObject *self, PyObject *args) {
    PyObject *packed, *basis, *traits, *along, *missing, *explained, *product, *length;
    gaps_t job = {0};
    held_t held = {.count = 0};
    size people;
    int ready = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOOOOnnnnnnnp", &packed, &basis, &traits, &along, &missing, &explained, &product,
                          &length, &job.variants, &job.words, &people, &job.rank, &job.trait_count, &job.padded,
                          &job.stride, &job.thorough))
        return NULL;
    int right = sane(job.variants, job.words, people) && sane(-(job.padded % GROUP), 0, 0) && sane(job.rank, job.trait_count, job.padded - job.trait_count) &&
                sane(job.words * 32 - people, job.stride - job.trait_count, 0);
    job.packed = array(&held, packed, MATRIX_OF("packed", "u1", 0, job.variants, job.words * WORD), &right);
    job.basis = array(&held, basis, basis_of(people, job.rank), &right);
    job.traits = array(&held, traits, MATRIX_OF("traits", "f4", 0, people, job.padded), &right);
    job.along = array(&held, along, MATRIX_OF("along", "f8", 0, job.variants, job.rank), &right);
    job.missing = array(&held, missing, VECTOR_OF("missing", "i8", 0, job.variants), &right);
    job.explained = array(&held, explained, VECTOR_OF("explained", "f8", 1, job.variants), &right);
    job.product = array(&held, product, MATRIX_OF("product", "f4", 1, job.variants, job.stride), &right);
    job.length = array(&held, length, MATRIX_OF("length", "f4", 1, job.variants, job.trait_count), &right);
    if (right) {
        Py_BEGIN_ALLOW_THREADS
        ready = chosen->gaps(&job);
        Py_END_ALLOW_THREADS
    }
    return ended(&held, right, ready);
}

static PyObject *tests(PyObject *self, PyObject *args) {
    PyObject *product, *remaining, *degrees, *least, *fine, *length, *counts, *reached;
    tests_t job = {0};
    held_t held = {.count = 0};
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOOOOnnnnn", &product, &remaining, &degrees, &least, &fine, &length, &counts, &reached,
                          &job.variants, &job.stride, &job.trait_count, &job.bins, &job.room))
        return NULL;
    int right = sane(job.variants, job.trait_count, job.stride - job.trait_count) && sane(job.bins - 1, job.room, 0);
    job.product = array(&held, product, MATRIX_OF("product", "f4", 0, job.variants, job.stride), &right);
    job.remaining = array(&held, remaining, VECTOR_OF("remaining", "f4", 0, job.variants), &right);
    job.degrees = array(&held, degrees, VECTOR_OF("degrees", "f4", 0, job.variants), &right);
    job.least = array(&held, least, VECTOR_OF("least", "f4", 0, job.variants), &right);
    job.fine = array(&held, fine, VECTOR_OF("fine", "u1", 0, job.variants), &right);
    if (length != Py_None)
        job.length = array(&held, length, MATRIX_OF("length", "f4", 0, job.variants, job.trait_count), &right);
    job.counts = array(&held, counts, MATRIX_OF("counts", "u4", 1, job.trait_count, job.bins), &right);
    job.reached = array(&held, reached, MATRIX_OF("reached", "i4", 1, job.room, 2), &right);
    if (right) {
        Py_BEGIN_ALLOW_THREADS
        chosen->tests(&job);
        Py_END_ALLOW_THREADS
    }
    let_go(&held);
    return right ? PyLong_FromSsize_t(job.found) : NULL;
}

static PyObject *counted(PyObject *self, PyObject *args) {
    PyObject *packed, *tiles, *lists, *remaining, *degrees, *least, *fine, *counts, *reached;
    products_t job = {0};
    tests_t tests = {0};
    held_t held = {.count = 0};
    int ready = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOOOOOnnnnnnn", &packed, &tiles, &lists, &remaining, &degrees, &least, &fine, &counts,
                          &reached, &job.variants, &job.stride, &job.bytes, &job.tile_count, &tests.trait_count,
                          &tests.bins, &tests.room))
        return NULL;
    int right = sane(job.variants, job.stride, job.bytes) && sane(job.tile_count, job.stride - job.bytes, tests.room) &&
                sane(-(job.stride % WORD), tests.bins - 1, tests.trait_count) &&
                sane(tests.trait_count - (job.tile_count - 1) * LANES - 1, job.tile_count * LANES - tests.trait_count, 0);
    tests.variants = job.variants;
    job.tests = &tests;
    job.packed = array(&held, packed, MATRIX_OF("packed", "u1", 0, job.variants, job.stride), &right);
    job.tiles = array(&held, tiles, tiles_of(&job), &right);
    job.lists = lists_of(&held, lists, &job, &right);
    job.listed = job.lists != NULL;
    tests.remaining = array(&held, remaining, VECTOR_OF("remaining", "f4", 0, job.variants), &right);
    tests.degrees = array(&held, degrees, VECTOR_OF("degrees", "f4", 0, job.variants), &right);
    tests.least = array(&held, least, VECTOR_OF("least", "f4", 0, job.variants), &right);
    tests.fine = array(&held, fine, VECTOR_OF("fine", "u1", 0, job.variants), &right);
    tests.counts = array(&held, counts, MATRIX_OF("counts", "u4", 1, tests.trait_count, tests.bins), &right);
    tests.reached = array(&held, reached, MATRIX_OF("reached", "i4", 1, tests.room, 2), &right);
    if (right) {
        Py_BEGIN_ALLOW_THREADS
        ready = run_products(&job);
        Py_END_ALLOW_THREADS
    }
    let_go(&held);
    if (right && !ready)
        return PyErr_NoMemory();
    return right ? PyLong_FromSsize_t(tests.found) : NULL;
}

static PyObject *refits(PyObject *self, PyObject *args) {
    PyObject *packed, *basis, *traits, *reached, *missing, *squares, *found;
    refits_t job = {0};
    held_t held = {.count = 0};
    size traits_there;
    int ready = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOOOnnnnnn", &packed, &basis, &traits, &reached, &missing, &squares, &found,
                          &job.variants, &job.words, &job.people, &job.rank, &traits_there, &job.hits))
        return NULL;
    int right = sane(job.variants, job.words, job.people) && sane(job.rank, traits_there, job.hits) &&
                sane(job.words * 32 - job.people, 0, 0);
    job.packed = array(&held, packed, MATRIX_OF("packed", "u1", 0, job.variants, job.words * WORD), &right);
    job.basis = array(&held, basis, basis_of(job.people, job.rank), &right);
    job.traits = array(&held, traits, MATRIX_OF("traits", "f8", 0, traits_there, job.people), &right);
    job.reached = array(&held, reached, MATRIX_OF("reached", "i4", 0, job.hits, 2), &right);
    job.missing = array(&held, missing, VECTOR_OF("missing", "i8", 0, job.variants), &right);
    job.squares = array(&held, squares, VECTOR_OF("squares", "f8", 0, job.variants), &right);
    job.found = array(&held, found, MATRIX_OF("found", "f8", 1, job.hits, 3), &right);
    for (size hit = 0; right && hit < job.hits; hit++)
        right = job.reached[2 * hit] >= 0 && job.reached[2 * hit] < job.variants && job.reached[2 * hit + 1] >= 0 &&
                job.reached[2 * hit + 1] < traits_there;
    if (right) {
        Py_BEGIN_ALLOW_THREADS
        ready = chosen->refits(&job);
        Py_END_ALLOW_THREADS
    } else if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, "hits lie outside the arrays");
    }
    return ended(&held, right, ready);
}

static PyObject *instructions(PyObject *self, PyObject *args) {
    const char *wanted = NULL;
    (void)self;
    if (!PyArg_ParseTuple(args, "|z", &wanted))
        return NULL;
    int found = wanted == NULL;
    for (int i = 0; i < COUNT && wanted; i++) {
        if (strcmp(sets[i]->name, wanted) == 0 && runs_here(sets[i])) {
            chosen = sets[i];
            found = 1;
        }
    }
    if (!found)
        return PyErr_Format(PyExc_ValueError, "this machine has no instruction set %s", wanted);
    return PyUnicode_FromString(chosen->name);
}

static PyMethodDef methods[] = {
    {"products", products, METH_VARARGS, "products(packed, tiles, out, lists, variants, stride, bytes, tiles): fills out, and lists (or None)."},
    {"list_room", list_room, METH_VARARGS, "list_room(variants, bytes) -> int: bytes of lists, which rows of tables are needed."},
    {"prepare", prepare, METH_VARARGS, "prepare(source, keep, packed, counts, variants, stride, words, people)"},
    {"gaps", gaps, METH_VARARGS,
     "gaps(packed, basis, traits, along, missing, explained, product, length, variants, words, people, rank, traits, "
     "padded, stride, thorough)"},
    {"tests", tests, METH_VARARGS,
     "tests(product, remaining, degrees, least, fine, length, counts, reached, variants, stride, traits, bins, room): "
     "how many tests are reached, of which `room` are listed."},
    {"counted", counted, METH_VARARGS,
     "counted(packed, tiles, lists, remaining, degrees, least, fine, counts, reached, variants, stride, bytes, tiles, traits, "
     "bins, room): as tests, of products that are not kept; lists as products filled them for the same packed, or None."},
    {"refits", refits, METH_VARARGS,
     "refits(packed, basis, traits, reached, missing, squares, found, variants, words, people, rank, traits, hits)"},
    {"instructions", instructions, METH_VARARGS, "instructions(name=None) -> str: the instruction set in use from now on."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_table", "The compiled part of the scan.", 0, methods,
                                        NULL, NULL, NULL, NULL};

#define SHARED(name) {#name, name}
static const struct {
    const char *name;
    double number;
} shared[] = {SHARED(VERSION), SHARED(LANES), SHARED(GROUP), SHARED(CHUNK), SHARED(PANEL), SHARED(BINS_PER_UNIT),
              SHARED(SMALLEST_SHARE), SHARED(TRUST)};

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
