/* t squared of every test counted in histograms and compared with the limit; see _table.c. */
#define STRIP 128 /* traits whose histograms stay near the processor */
#define AHEAD 12  /* variants whose products are fetched before they are needed */
#define BATCH 4   /* variants of a tile that are computed before any of them is counted */

TARGET static void NAME(reach)(tests_t *job, size variant, size trait) {
    if (job->found < job->room) {
        job->reached[2 * job->found] = (int32_t)variant;
        job->reached[2 * job->found + 1] = (int32_t)trait;
    }
    job->found++;
}

#define LARGER(a, b) NAME(select)((a) > (b), a, b)
#define SMALLER(a, b) NAME(select)((a) < (b), a, b)

TARGET static inline NAME(vector) NAME(select)(NAME(whole) which, NAME(vector) yes, NAME(vector) no) {
    return (NAME(vector))((which & (NAME(whole))yes) | (~which & (NAME(whole))no));
}

/* LANES tests of one variant: t squared to `chi2`, places in their histograms to `bins`. Gives which are reached. The same
 * operations in the same order as in screening.py. */
TARGET static inline NAME(whole) NAME(some)(const tests_t *job, size variant, const float *product, const float *length,
                                            float *chi2, int32_t *bins) {
    NAME(vector) zero = {0}, remaining = zero + job->remaining[variant], smallest = remaining * (float)SMALLEST_SHARE;
    NAME(vector) last = zero + (float)(job->bins - 1), least = zero + job->least[variant];
    NAME(whole) reached = {0};
    for (size k = 0; k < LANES; k += VECTOR) {
        NAME(vector) g = *(const NAME(loose) *)(product + k), square = g * g, whole = remaining;
        if (length)
            whole *= *(const NAME(loose) *)(length + k);
        NAME(vector) found = square / LARGER(whole - square, smallest) * job->degrees[variant], place = found * (float)BINS_PER_UNIT;
        NAME(whole) places = __builtin_convertvector(SMALLER(place, last), NAME(whole));
        memcpy(chi2 + k, &found, sizeof found);
        memcpy(bins + k, &places, sizeof places);
        reached |= found >= least;
    }
    return reached;
}

/* The traits from `begin` to `end` of one variant, at most STRIP: all computed before any is counted, so that the divisions
 * of one do not wait for the counting of another. */
TARGET static void NAME(strip)(tests_t *job, size variant, size begin, size end) {
    const float *product = job->product + variant * job->stride;
    const float *length = job->length ? job->length + variant * job->trait_count : NULL;
    float chi2[STRIP];
    int32_t bins[STRIP], any = 0;
    NAME(whole) reached = {0};
    size start = begin;
    for (; start + LANES <= end; start += LANES) {
        size k = start - begin;
        reached |= NAME(some)(job, variant, product + start, length ? length + start : NULL, chi2 + k, bins + k);
    }
    if (start < end) {
        float some[LANES] = {0}, lengths[LANES] = {0};
        memcpy(some, product + start, sizeof(float) * (size_t)(end - start));
        if (length)
            memcpy(lengths, length + start, sizeof(float) * (size_t)(end - start));
        size k = start - begin;
        reached |= NAME(some)(job, variant, some, length ? lengths : NULL, chi2 + k, bins + k);
    }
    size wide = job->bins;
    uint32_t *counts = job->counts + begin * wide;
    for (size k = 0; k < end - begin; k++, counts += wide)
        counts[bins[k]]++;
    for (int k = 0; k < VECTOR; k++)
        any |= reached[k];
    if (any)
        for (size k = 0; k < end - begin; k++)
            if (chi2[k] >= job->least[variant])
                NAME(reach)(job, variant, begin + k);
}

TARGET static void NAME(tests)(tests_t *job) {
    for (size begin = 0; begin < job->trait_count; begin += STRIP) {
        size end = job->trait_count - begin < STRIP ? job->trait_count : begin + STRIP;
        for (size variant = 0; variant < job->variants; variant++) {
            size later = variant + AHEAD;
            for (size k = begin; k < end && later < job->variants; k += LANES)
                __builtin_prefetch(job->product + later * job->stride + k);
            for (size k = begin; k < end && later < job->variants && job->length; k += LANES)
                __builtin_prefetch(job->length + later * job->trait_count + k);
            if (job->fine[variant])
                NAME(strip)(job, variant, begin, end);
        }
    }
}

/* One tile of products, the traits from `begin` on, of `count` variants from `first` on; all people have calls. */
TARGET static void NAME(tile)(tests_t *job, const lanes_t *products, size first, size count, size begin) {
    size width = job->trait_count - begin < LANES ? job->trait_count - begin : LANES;
    size wide = job->bins;
    const uint8_t *fine = job->fine + first;
    uint32_t *counts = job->counts + begin * wide;
    for (size start = 0; start < count; start += BATCH) {
        size some = count - start < BATCH ? count - start : BATCH;
        float chi2[BATCH][LANES];
        int32_t bins[BATCH][LANES], any = 0;
        NAME(whole) reached = {0};
        for (size i = 0; i < some; i++)
            reached |= NAME(some)(job, first + start + i, products[start + i].values, NULL, chi2[i], bins[i]);
        for (size i = 0; i < some; i++) {
            uint32_t *own = counts;
            size end = fine[start + i] ? width : 0;
#pragma GCC unroll 16
            for (size k = 0; k < end; k++, own += wide)
                own[bins[i][k]]++;
        }
        for (int k = 0; k < VECTOR; k++)
            any |= reached[k];
        if (!any)
            continue;
        for (size i = 0; i < some; i++)
            for (size k = 0; k < width && fine[start + i]; k++)
                if (chi2[i][k] >= job->least[first + start + i])
                    NAME(reach)(job, first + start + i, begin + k);
    }
}

#undef LARGER
#undef SMALLER
#undef STRIP
#undef AHEAD
#undef BATCH
