/* What the compiled functions are given; all arrays are contiguous unless a stride is named. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>

/* LANES, GROUP, CHUNK, PANEL, BINS_PER_UNIT, SMALLEST_SHARE, TRUST and VERSION come from constants.py, by setup.py. */

#define WIDE(rank) (((rank) + LANES - 1) / LANES * LANES) /* columns of a basis, padded with zeros */
#define ROWS 81
#define PRODUCTS_STRIP 4096 /* variants: 2,048 to 4,096 were fastest at 1,000 to 50,000 people, 8,192 slower by 2 to 15 % */
#define PAIRS ((CHUNK + 1) / 2)
#define WORD 8
#define LOW_BITS UINT64_C(0x5555555555555555)
#define TOGETHER 8 /* carriers that are listed at a time */
#define HIGHEST_BIT (UINT64_C(1) << 63)
#define HIGH_BITS UINT64_C(0x8080808080808080)

typedef Py_ssize_t size;

typedef struct {
    float values[LANES];
} __attribute__((aligned(64))) lanes_t;

typedef struct {
    const float *product;   /* (variants, stride), or NULL where each tile of products is tested as it is made */
    const float *remaining; /* (variants,) */
    const float *degrees;   /* (variants,) */
    const float *least;     /* (variants,) t squared from which a test is reached */
    const uint8_t *fine;    /* (variants,) */
    const float *length;    /* (variants, traits), or NULL: 1 */
    uint32_t *counts;       /* (traits, bins) changed in place */
    int32_t *reached;       /* (room, 2) variant and trait */
    size variants, stride, trait_count, bins, room, found;
} tests_t;

typedef struct {
    const uint8_t *packed; /* (variants, stride): copies of the minor allele in two bits, 3 is no call and counts 0 */
    const float *tiles;    /* (tiles, 4 * bytes, LANES) columns, tile by tile */
    float *out;            /* (variants, tiles * LANES), not used where there are tests */
    tests_t *tests;        /* what a tile's products are for, or NULL: they are kept */
    size first;            /* place of the strip's first variant among those of the tests */
    lanes_t *sums;         /* (tiles, variants) */
    lanes_t *tables;       /* (CHUNK, ROWS) */
    uint16_t *rows;        /* table rows that the variants of a panel need: chunk by chunk, in the order of `order` */
    uint32_t *order;       /* (PANEL, variants) by number of pairs of rows */
    uint32_t *filled;      /* (variants,) bytes of a chunk that are not zero */
    size (*ends)[PAIRS + 1]; /* (PANEL,) places in order */
    uint8_t *lists;        /* room for rows, order and ends of all strips, of people whose bytes make one panel, or NULL */
    int listed;            /* what is in `lists` is that of these packed genotypes already */
    size variants, stride, bytes, tile_count;
} products_t;

typedef struct {
    const uint8_t *source; /* (variants, stride) as in a .bed */
    const uint64_t *keep;  /* (source_words,) ones at the two bits of the people chosen */
    uint8_t *packed;       /* (variants, words) 64-bit words: copies of the minor allele, 3 is no call */
    int64_t *counts;       /* (4, variants): flipped, no call, one copy, two copies */
    size variants, stride, source_words, words, people;
} prepare_t;

typedef struct {
    const uint8_t *packed;  /* (variants, words) as prepare gives it */
    const double *basis;    /* (people, WIDE(rank)) */
    const float *traits;    /* (people, padded) */
    const double *along;    /* (variants, rank) genotypes times basis */
    const int64_t *missing; /* (variants,) */
    double *explained;      /* (variants,) changed in place */
    float *product;         /* (variants, stride) changed in place */
    float *length;          /* (variants, traits) */
    size variants, words, rank, trait_count, padded, stride;
    int thorough; /* length in full for every test */
} gaps_t;

typedef struct {
    const uint8_t *packed;     /* (variants, words) as prepare gives it */
    const double *basis;       /* (people, WIDE(rank)) */
    const double *traits;      /* (traits, people) */
    const int32_t *reached;    /* (hits, 2) variant and trait, sorted by variant */
    const int64_t *missing;    /* (variants,) */
    const double *squares;     /* (variants,) */
    double *found;             /* (hits, 3): product, remaining, length */
    size variants, words, people, rank, hits;
} refits_t;

typedef struct {
    uint32_t *people; /* (people + TOGETHER,) with one minor allele, then with two */
    size ends[2];
} carriers_t;

typedef struct {
    const char *name;
    void (*products)(products_t *);
    void (*prepare)(const prepare_t *);
    int (*gaps)(const gaps_t *);
    void (*tests)(tests_t *);
    int (*refits)(const refits_t *);
} set_t;

static void *aligned(size_t bytes) {
    void *memory = NULL;
    return posix_memalign(&memory, 64, bytes ? bytes : 64) == 0 ? memory : NULL;
}

static uint64_t word_at(const uint8_t *bytes, size available) {
    uint64_t word = 0;
    if (available >= WORD)
        memcpy(&word, bytes, WORD);
    else
        memcpy(&word, bytes, (size_t)available);
    return word;
}
