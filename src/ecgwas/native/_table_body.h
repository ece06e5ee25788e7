/* Products by table look-up; included once per instruction set, see _table.c. */
#define PARTS (LANES / VECTOR)

/* Rows of `count` bytes' tables: row r of a byte is the sum over its four people of copies times columns, where r's four
 * digits to base 3 are their copies. */
TARGET static void NAME(tables)(lanes_t *tables, const float *people, size count) {
    for (size byte = 0; byte < count; byte++) {
        for (int part = 0; part < PARTS; part++) {
            NAME(vector) *rows = (NAME(vector) *)(tables + byte * ROWS) + part;
            rows[0] = (NAME(vector)){0};
            int filled = 1;
            for (int person = 0; person < 4; person++) {
                NAME(vector) one;
                memcpy(&one, people + (byte * 4 + person) * LANES + part * VECTOR, sizeof one);
                NAME(vector) two = one + one;
                for (int row = 0; row < filled; row++) {
                    rows[(filled + row) * PARTS] = rows[row * PARTS] + one;
                    rows[(2 * filled + row) * PARTS] = rows[row * PARTS] + two;
                }
                filled *= 3;
            }
        }
    }
}

/* Bit b of the result: byte b of the chunk is not zero. Rows of packed bytes are whole words. */
TARGET static uint32_t NAME(filled)(const uint8_t *bytes, size count) {
    uint32_t found = 0;
    for (size start = 0; start < count; start += WORD_BYTES) {
        uint64_t word = word_at(bytes + start, WORD_BYTES);
        uint64_t high = (((word & ~HIGH_BITS) + ~HIGH_BITS) | word) & HIGH_BITS;
        found |= (uint32_t)((high >> 7) * UINT64_C(0x0102040810204080) >> 56) << start;
    }
    return found;
}

/* Which table rows each variant needs of one chunk, `count` bytes from `start` on; variants ordered by their
 * number of pairs of rows, so that the processor predicts the ends of the loops. Row 0, which is 0, makes the last pair whole.
 * Returns where the next chunk's rows begin. */
TARGET static uint16_t *NAME(list)(products_t *job, size chunk, size start, size count, uint16_t *rows) {
    size places[PAIRS + 2] = {0};
    uint32_t *order = job->order + chunk * job->variants;
    for (size variant = 0; variant < job->variants; variant++) {
        job->nonzero[variant] = NAME(filled)(job->packed + variant * job->stride + start, count);
        places[(__builtin_popcount(job->nonzero[variant]) + 1) / 2 + 1]++;
    }
    for (int pairs = 0; pairs <= PAIRS; pairs++)
        places[pairs + 1] += places[pairs];
    memcpy(job->ends[chunk], places + 1, sizeof job->ends[chunk]);
    for (size variant = 0; variant < job->variants; variant++)
        order[places[(__builtin_popcount(job->nonzero[variant]) + 1) / 2]++] = (uint32_t)variant;
    for (size place = 0; place < job->variants; place++) {
        const uint8_t *bytes = job->packed + order[place] * job->stride + start;
        uint32_t left = job->nonzero[order[place]];
        int length = __builtin_popcount(left);
        for (int i = 0; i < length; i++, left &= left - 1) {
            int byte = __builtin_ctz(left);
            rows[i] = (uint16_t)(byte * ROWS + row_of[bytes[byte]]);
        }
        rows[length] = 0;
        rows += (length + 1) / 2 * 2;
    }
    return rows;
}

/* Adds up each variant's table rows of one chunk: onto `sums`, or from 0 if they are NULL. Returns the next chunk's rows. */
TARGET static const uint16_t *NAME(add)(const products_t *job, size chunk, const uint16_t *rows, const lanes_t *sums,
                                        float *out, size stride) {
    const uint32_t *order = job->order + chunk * job->variants;
    size place = 0;
    for (int pairs = 0; pairs <= PAIRS; pairs++) {
        for (; place < job->ends[chunk][pairs]; place++, rows += 2 * pairs) {
            size variant = order[place];
            NAME(vector) even[PARTS] = {{0}}, odd[PARTS] = {{0}};
            for (int pair = 0; pair < pairs; pair++) {
                const NAME(vector) *one = (const NAME(vector) *)(job->tables + rows[2 * pair]);
                const NAME(vector) *other = (const NAME(vector) *)(job->tables + rows[2 * pair + 1]);
                for (int part = 0; part < PARTS; part++) {
                    even[part] += one[part];
                    odd[part] += other[part];
                }
            }
            for (int part = 0; part < PARTS; part++) {
                NAME(vector) sum = even[part] + odd[part];
                if (sums != NULL)
                    sum += ((const NAME(vector) *)(sums + variant))[part];
                memcpy(out + variant * stride + part * VECTOR, &sum, sizeof sum);
            }
        }
    }
    return rows;
}

/* Columns tile by tile, so that a tile's tables and sums stay in the second-level cache. Tests find a tile's products there:
 * written to memory and read again, they would take a quarter of a scan of 1,000 people. */
TARGET static void NAME(products)(products_t *job) {
    int once = job->bytes <= PANEL * CHUNK; /* then each tile's sums may take the place of the one before */
    for (size begin = 0; begin < job->bytes; begin += PANEL * CHUNK) {
        size end = job->bytes - begin < PANEL * CHUNK ? job->bytes : begin + PANEL * CHUNK;
        uint16_t *next = job->rows;
        for (size start = begin; start < end && !job->has_row_lists; start += CHUNK)
            next = NAME(list)(job, (start - begin) / CHUNK, start, end - start < CHUNK ? end - start : CHUNK, next);
        for (size tile = 0; tile < job->tile_count; tile++) {
            lanes_t *sums = job->sums + (once ? 0 : tile) * job->variants;
            const uint16_t *rows = job->rows;
            for (size start = begin; start < end; start += CHUNK) {
                size count = end - start < CHUNK ? end - start : CHUNK;
                int last = start + count == job->bytes && job->tests == NULL;
                float *out = last ? job->out + tile * LANES : (float *)sums;
                NAME(tables)(job->tables, job->tiles + (tile * job->bytes + start) * 4 * LANES, count);
                rows = NAME(add)(job, (start - begin) / CHUNK, rows, start ? sums : NULL, out,
                                 last ? job->tile_count * LANES : LANES);
            }
            if (job->tests != NULL && end == job->bytes)
                NAME(tile)(job->tests, sums, job->first, job->variants, tile * LANES);
        }
    }
}

#undef PARTS
