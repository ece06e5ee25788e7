/* Products strip by strip of variants, so that a tile's sums and a chunk's row list stay in the second-level cache; and the
 * memory in which row lists are kept from one call to the next. */

/* What precedes kept row lists: they are read only where they were written for as many variants and bytes. */
typedef union {
    struct {
        uint64_t mark;
        size variants, bytes;
    } written;
    uint8_t line[CACHE_LINE];
} row_lists_head_t;

#define ROW_LISTS_MARK UINT64_C(0x737473696c776f72)

static size strip_of(size variants) {
    return variants < STRIP_VARIANTS ? variants : STRIP_VARIANTS;
}

static size chunks_of(size bytes) {
    return bytes < PANEL * CHUNK ? (bytes + CHUNK - 1) / CHUNK : PANEL;
}

/* Bytes for the ends, order and rows of one panel of a strip; `bytes`: packed bytes of a variant. */
static size strip_bytes_of(size variants, size bytes) {
    size rows = (strip_of(variants) * 2 * PAIRS * chunks_of(bytes) + CHUNK + 1) * (size)sizeof(uint16_t);
    size order = chunks_of(bytes) * strip_of(variants) * (size)sizeof(uint32_t);
    return ROUNDED(PANEL * (size)sizeof(size[PAIRS + 1]) + order + rows, CACHE_LINE);
}

/* Bytes for the row lists of all strips and their head. */
static size row_list_bytes_of(const products_t *job) {
    size strips = (job->variants + STRIP_VARIANTS - 1) / STRIP_VARIANTS;
    return (size)sizeof(row_lists_head_t) + strips * strip_bytes_of(job->variants, job->bytes);
}

static int describes(const row_lists_head_t *head, const products_t *job) {
    return head->written.mark == ROW_LISTS_MARK && head->written.variants == job->variants && head->written.bytes == job->bytes;
}

static void place_row_lists(products_t *job, uint8_t *memory, size variants) {
    job->ends = (size(*)[PAIRS + 1]) memory;
    job->order = (uint32_t *)(job->ends + PANEL);
    job->rows = (uint16_t *)(job->order + chunks_of(job->bytes) * strip_of(variants));
}

/* Returns 0 if there is no memory. */
static int run_products(const products_t *all) {
    products_t strip = *all, *job = &strip;
    size_t variants = (size_t)strip_of(all->variants);
    size strip_bytes = strip_bytes_of(all->variants, all->bytes);
    uint8_t *kept = all->row_lists ? all->row_lists + sizeof(row_lists_head_t) : NULL;
    uint8_t *owned = kept ? NULL : aligned((size_t)strip_bytes);
    job->sums = aligned((size_t)job->tile_count * variants * sizeof(lanes_t));
    job->tables = aligned(CHUNK * ROWS * sizeof(lanes_t));
    job->nonzero = aligned(variants * sizeof(uint32_t));
    int ready = job->sums && job->tables && job->nonzero && (owned || kept);
    for (size start = 0; ready && start < all->variants; start += STRIP_VARIANTS) {
        place_row_lists(job, owned ? owned : kept + start / STRIP_VARIANTS * strip_bytes, all->variants);
        job->variants = strip_of(all->variants - start);
        job->packed = all->packed + start * all->stride;
        job->out = all->out == NULL ? NULL : all->out + start * all->tile_count * LANES;
        job->first = start;
        active->products(job);
    }
    if (ready && kept && !all->has_row_lists)
        *(row_lists_head_t *)all->row_lists = (row_lists_head_t){{ROW_LISTS_MARK, all->variants, all->bytes}};
    free(job->sums);
    free(job->tables);
    free(job->nonzero);
    free(owned);
    return ready;
}
