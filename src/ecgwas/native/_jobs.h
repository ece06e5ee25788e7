/* What the compiled functions are given, and the conventions of this code.
 *
 * Names       One name for each term of the algebra, as in Python: cross_product g'My, genotype_ss g'Mg, trait_ss y'My,
 *             projection Q'g, projected_ss g'QQ'g, raw_ss g'g, df degrees of freedom, t2 t squared; `_ss` is a sum of squares.
 *             A count ends in _count or is the plural of what it counts (variants, people); an index is the singular (variant).
 * Parameters  A body takes its job first. Input is const; what is not const is written. A function that can fail returns 1 for
 *             success and 0 for failure.
 * Shapes      (variants, traits) are rows and columns; arrays are contiguous by rows unless a stride is named, in elements.
 * Sizes       No size is passed that an array has: _arrays.h reads it there. Every array is checked before a body runs, and so
 *             are contents that would lead a body out of its arrays (_functions.h). Bodies check nothing.
 * Constants   What Python uses too stands in constants.py alone: setup.py passes it to the compiler, _table.c exports it.
 * Alignment   `aligned` returns memory that begins with a cache line. Bases are padded with zeros to WIDE(rank) columns, so
 *             that bodies read whole vectors. NAME(loose) is a vector that may begin anywhere.
 * Bodies      *_body.h are included once per instruction set; NAME(x) adds the set's name, TARGET its attribute.
 * Order       Every sum has a fixed order, whatever the vector's width, so that results have the same bits everywhere. There is
 *             no LAPACK here for that reason: its order of sums differs from library to library.
 * Memory      Workspaces belong to one call. No memory is kept between calls, no global is written after import but `active`.
 * Format      clang-format 19 with .clang-format; lines of at most 128 characters.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>

#define ROUNDED(count, unit) (((count) + (unit) - 1) / (unit) * (unit)) /* up to whole units */
#define WIDE(rank) ROUNDED(rank, LANES)                                 /* columns of a basis, padded with zeros */
#define PEOPLE_PER_WORD (PEOPLE_PER_BYTE * WORD_BYTES)
#define MOST_BINS (1 << 24) /* the last bin's index is a float */
#define ROWS 81
#define STRIP_VARIANTS 4096 /* 2,048 to 4,096 were fastest at 1,000 to 50,000 people, 8,192 slower by 2 to 15 % */
#define PAIRS ((CHUNK + 1) / 2)
#define LOW_BITS UINT64_C(0x5555555555555555)
#define CARRIERS_AT_ONCE 8 /* written to the list of carriers together */
#define HIGHEST_BIT (UINT64_C(1) << 63)
#define HIGH_BITS UINT64_C(0x8080808080808080)

#define CALLS_PER_WORD (WORD_BYTES * 8) /* one bit each */
#define KIN_TILE 64                     /* people whose strip of 5,000 variants takes 120 KiB */
#define KIN_GROUP 16                    /* people of the other tile whose strips stay in the first-level cache */

typedef Py_ssize_t size;

typedef struct {
    float values[LANES];
} __attribute__((aligned(CACHE_LINE))) lanes_t;

_Static_assert(sizeof(lanes_t) == CACHE_LINE, "the numbers of a lane fill a cache line");

/* t squared of every test. */
typedef struct {
    const float *cross_product; /* (variants, stride), or NULL where each tile of products is tested as it is made */
    const float *genotype_ss;   /* (variants,) */
    const float *df;            /* (variants,) */
    const float *min_t2;        /* (variants,) t squared from which a test is a candidate for a refit */
    const uint8_t *testable;    /* (variants,) */
    const float *trait_ss;      /* (variants, traits), or NULL: 1 */
    uint32_t *t2_histogram;     /* (traits, bins) added to */
    int32_t *candidates;        /* (capacity, 2) variant and trait */
    size variants, stride, trait_count, bins, capacity;
    size candidate_count; /* may exceed the capacity: then the rest is not listed */
} tests_t;

/* Packed genotypes times columns. */
typedef struct {
    const uint8_t *packed;   /* (variants, stride): copies of the minor allele in two bits, 3 is no call and counts 0 */
    const float *tiles;      /* (tiles, 4 * bytes, LANES) columns, tile by tile */
    float *out;              /* (variants, tiles * LANES), not used where there are tests */
    tests_t *tests;          /* what a tile's products are for, or NULL: they are kept */
    size first;              /* index of the strip's first variant among those of the tests */
    lanes_t *sums;           /* (tiles, variants) */
    lanes_t *tables;         /* (CHUNK, ROWS) */
    uint16_t *rows;          /* table rows that the variants of a panel need: chunk by chunk, in the order of `order` */
    uint32_t *order;         /* (PANEL, variants) by number of pairs of rows */
    uint32_t *nonzero;       /* (variants,) a bit for each byte of a chunk that is not zero */
    size (*ends)[PAIRS + 1]; /* (PANEL,) index in order */
    uint8_t *row_lists;      /* memory for rows, order and ends of all strips, of people whose bytes make one panel, or NULL */
    int has_row_lists;       /* row_lists already describes these packed genotypes */
    size variants, stride, bytes, tile_count;
} products_t;

/* Rows of a .bed to packed genotypes. */
typedef struct {
    const uint8_t *source; /* (variants, stride) as in a .bed */
    const uint64_t *keep;  /* (source_words,) ones at the two bits of the people selected */
    uint8_t *packed;       /* (variants, words) 64-bit words: copies of the minor allele, 3 is no call */
    int64_t *counts;       /* (4, variants): flipped, no call, one copy, two copies */
    size variants, stride, source_words, words, people;
} prepare_t;

/* Missing calls, for all traits in float32. */
typedef struct {
    const uint8_t *packed;    /* (variants, words) as prepare gives it */
    const double *basis;      /* (people, WIDE(rank)) */
    const float *traits;      /* (people, padded_count) */
    const double *projection; /* (variants, rank) genotypes times basis */
    const int64_t *missing;   /* (variants,) */
    double *projected_ss;     /* (variants,) changed in place */
    float *cross_product;     /* (variants, stride) changed in place */
    float *trait_ss;          /* (variants, traits) */
    size variants, words, rank, trait_count, padded_count, stride;
    int is_thorough; /* the exact trait_ss for every test */
} adjust_t;

/* Candidates in float64. */
typedef struct {
    const uint8_t *packed;     /* (variants, words) as prepare gives it */
    const double *basis;       /* (people, WIDE(rank)) */
    const double *traits;      /* (traits, people) */
    const int32_t *candidates; /* (hits, 2) variant and trait, sorted by variant */
    const int64_t *missing;    /* (variants,) */
    const double *raw_ss;      /* (variants,) */
    double *sums;              /* (hits, 3): cross_product, genotype_ss, trait_ss */
    size variants, words, people, rank, hits;
} refit_t;

/* What is counted for a pair of people, over variants at which both have a call. */
enum { BOTH_HET, OPPOSITE, HET_FIRST, HET_SECOND, KIN_COUNTS };

/* A person's bits of one strip of variants, one plane after the other: heterozygous, homozygous, two minor alleles. */
enum { HET, HOM, TWO, KIN_PLANES };

/* Related pairs. */
typedef struct {
    const uint64_t *calls;     /* (people, strips, 2 * words) low bits of a strip's calls, then high bits; 3 is no call */
    const int64_t *variants;   /* (strips,) the calls beyond these are padding, 3 */
    const double *min_kinship; /* (strips,) pairs surely below it are dropped after a strip; after the last, all not above it */
    int32_t *pairs;            /* (capacity, 2) the pairs that are left, each with its smaller index first */
    int32_t *counts;           /* (capacity, KIN_COUNTS) over all strips */
    size people, strips, words, capacity;
    size begin, end; /* of the first people of the pairs */
    size pair_count; /* may exceed the capacity: then the rest is not listed */
} related_t;

/* Pairs of two tiles of people. */
typedef struct {
    uint64_t *planes[2]; /* (KIN_TILE, KIN_PLANES, words) of one strip */
    int32_t *hets[2];    /* (KIN_TILE,) heterozygous calls of one strip */
    struct {
        uint16_t first, second; /* in their tiles */
        int32_t counts[KIN_COUNTS];
    } *alive; /* (KIN_TILE * KIN_TILE,) pairs that have not been dropped */
    size alive_count;
} pair_tile_t;

typedef struct {
    uint32_t *people; /* (people + CARRIERS_AT_ONCE,) with one minor allele, then with two */
    size ends[2];
} carriers_t;

/* The bodies for one instruction set. */
typedef struct {
    const char *name;
    void (*products)(products_t *);
    void (*prepare)(const prepare_t *);
    int (*adjust_missing)(const adjust_t *);
    void (*tests)(tests_t *);
    int (*refit_exact)(const refit_t *);
    int (*open_strip)(const related_t *, size strip, size start, size people, uint64_t *planes, int32_t *hets);
    void (*add_strip)(pair_tile_t *, size words, int has_missing);
} kernels_t;

/* Memory that begins with a cache line, or NULL. */
static void *aligned(size_t bytes) {
    void *memory = NULL;
    return posix_memalign(&memory, CACHE_LINE, bytes ? bytes : CACHE_LINE) == 0 ? memory : NULL;
}

static uint64_t word_at(const uint8_t *bytes, size available) {
    uint64_t word = 0;
    if (available >= WORD_BYTES)
        memcpy(&word, bytes, WORD_BYTES);
    else
        memcpy(&word, bytes, (size_t)available);
    return word;
}

/* Packed byte -> row of its table: four digits to base 3, no call counts 0. */
static uint8_t row_of[256];

static void fill_row_of(void) {
    for (int byte = 0; byte < 256; byte++) {
        int row = 0, place = 1;
        for (int person = 0; person < PEOPLE_PER_BYTE; person++, place *= 3) {
            int code = byte >> (2 * person) & 3;
            row += code == 3 ? 0 : code * place;
        }
        row_of[byte] = (uint8_t)row;
    }
}
