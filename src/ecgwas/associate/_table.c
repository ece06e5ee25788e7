/* The table kernel ("four Russians"): genotypes times columns without decoding the genotypes.
 *
 * A packed byte holds four people. For 16 columns at a time and 24 bytes (96 people) the sums that each of a byte's 256
 * values stands for are put in tables, which stay in the second-level cache; a variant then costs one table row per byte,
 * and nothing for a byte of zeros (four people without the minor allele). Sums over 96 people are added up before they
 * join the total, so that rounding errors are those of a blocked sum. Every lane adds in the same order whatever the
 * instruction set, so the result has the same bits on every machine.
 */
#define PY_SSIZE_T_CLEAN /* Py_LIMITED_API comes from setup.py */
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LANES 16
#define CHUNK 24 /* bytes: 24 x 256 rows x 64 bytes = 384 KiB of tables */
#define ROWS 256

typedef struct {
    float values[LANES];
} __attribute__((aligned(64))) lanes_t;

typedef struct {
    const uint8_t *packed; /* (variants, stride): copies of the minor allele in two bits, 3 is no call */
    const float *tiles;    /* (tiles, 4 * bytes, LANES) columns, tile by tile */
    float *out;            /* (variants, tiles * LANES) */
    lanes_t *sums;         /* (tiles, variants) */
    lanes_t *tables;       /* (CHUNK, ROWS) */
    uint16_t *lists;       /* (variants, CHUNK): table rows that a variant needs */
    uint8_t *lengths;      /* (variants,) */
    Py_ssize_t variants, stride, bytes, tile_count;
} job_t;

/* The same body for each instruction set, with the widest vectors that it has. Vectors wider than the machine's would be
 * kept in memory by the compiler instead of in registers. */
#define VECTOR 4
#define WORK work_baseline
#define TARGET
#include "_table_body.h"

#if defined(__x86_64__)
#define VECTOR 8
#define WORK work_avx2
#define TARGET __attribute__((target("avx2")))
#include "_table_body.h"

#define VECTOR 16
#define WORK work_avx512
#define TARGET __attribute__((target("avx512f")))
#include "_table_body.h"
#endif

typedef void (*work_t)(const job_t *);

static work_t best(const char **name) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) {
        *name = "avx512f";
        return work_avx512;
    }
    if (__builtin_cpu_supports("avx2")) {
        *name = "avx2";
        return work_avx2;
    }
#endif
    *name = "baseline";
    return work_baseline;
}

static void *aligned(size_t size) {
    void *memory = NULL;
    return posix_memalign(&memory, 64, size ? size : 64) == 0 ? memory : NULL;
}

static int run(job_t *job) {
    const char *name;
    size_t variants = (size_t)job->variants;
    job->sums = aligned((size_t)job->tile_count * variants * sizeof(lanes_t));
    job->tables = aligned(CHUNK * ROWS * sizeof(lanes_t));
    job->lists = aligned(variants * CHUNK * sizeof(uint16_t));
    job->lengths = aligned(variants);
    int ready = job->sums && job->tables && job->lists && job->lengths;
    if (ready)
        best(&name)(job);
    free(job->sums);
    free(job->tables);
    free(job->lists);
    free(job->lengths);
    return ready;
}

/* Sizes that do not fit together would read beyond the buffers. */
static int fits(const job_t *job, Py_ssize_t packed, Py_ssize_t tiles, Py_ssize_t out) {
    if (job->variants < 0 || job->bytes < 0 || job->tile_count < 0 || job->stride < job->bytes)
        return 0;
    return packed == job->variants * job->stride && tiles == job->tile_count * job->bytes * 4 * LANES * 4 &&
           out == job->variants * job->tile_count * LANES * 4;
}

static PyObject *products(PyObject *self, PyObject *args) {
    Py_buffer packed, tiles, out;
    job_t job = {0};
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*w*nnnn", &packed, &tiles, &out, &job.variants, &job.stride, &job.bytes,
                          &job.tile_count))
        return NULL;
    int right = fits(&job, packed.len, tiles.len, out.len), ready = 0;
    if (right) {
        job.packed = packed.buf;
        job.tiles = tiles.buf;
        job.out = out.buf;
        Py_BEGIN_ALLOW_THREADS
        ready = run(&job);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&packed);
    PyBuffer_Release(&tiles);
    PyBuffer_Release(&out);
    if (!right) {
        PyErr_SetString(PyExc_ValueError, "the buffers' sizes do not fit the numbers given");
        return NULL;
    }
    if (!ready)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *instructions(PyObject *self, PyObject *args) {
    const char *name;
    (void)self;
    (void)args;
    best(&name);
    return PyUnicode_FromString(name);
}

static PyMethodDef methods[] = {
    {"products", products, METH_VARARGS,
     "products(packed, tiles, out, variants, stride, bytes, tiles): fills out; see ecgwas.associate.kernels."},
    {"instructions", instructions, METH_NOARGS, "instructions() -> str: the instruction set in use."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_table", "The table kernel of the scan.", 0, methods,
                                        NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__table(void) { return PyModule_Create(&definition); }
