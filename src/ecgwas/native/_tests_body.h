/* t squared of every test counted in histograms and compared with the limit; see _table.c. */
#define STRIP 128 /* traits whose histograms stay in the cache */
#define AHEAD 12  /* variants whose products are fetched before they are needed */
#define BATCH 4   /* variants of a tile that are computed before any of them is counted */

TARGET static void NAME(add_candidate)(tests_t *job, size variant, size trait) {
    if (job->candidate_count < job->capacity) {
        job->candidates[2 * job->candidate_count] = (int32_t)variant;
        job->candidates[2 * job->candidate_count + 1] = (int32_t)trait;
    }
    job->candidate_count++;
}

#define LARGER(a, b) NAME(select)((a) > (b), a, b)
#define SMALLER(a, b) NAME(select)((a) < (b), a, b)

TARGET static inline NAME(vector) NAME(select)(NAME(mask) which, NAME(vector) yes, NAME(vector) no) {
    return (NAME(vector))((which & (NAME(mask))yes) | (~which & (NAME(mask))no));
}

/* LANES tests of one variant: t squared to `t2_values`, bins of their histograms to `bins`. Returns a mask of candidates.
 * The same operations in the same order as in screening.py. */
TARGET static inline NAME(mask) NAME(test_lanes)(const tests_t *job, size variant, const float *cross_product,
                                                 const float *trait_ss, float *t2_values, int32_t *bins) {
    NAME(vector) zero = {0}, genotype_ss = zero + job->genotype_ss[variant], smallest = genotype_ss * (float)MIN_UNEXPLAINED;
    NAME(vector) last = zero + (float)(job->bins - 1), min_t2 = zero + job->min_t2[variant];
    NAME(mask) is_candidate = {0};
    for (size k = 0; k < LANES; k += VECTOR) {
        NAME(vector) g = *(const NAME(loose) *)(cross_product + k), square = g * g, total_ss = genotype_ss;
        if (trait_ss)
            total_ss *= *(const NAME(loose) *)(trait_ss + k);
        NAME(vector) t2 = square / LARGER(total_ss - square, smallest) * job->df[variant], place = t2 * (float)BINS_PER_UNIT;
        NAME(mask) places = __builtin_convertvector(SMALLER(place, last), NAME(mask));
        memcpy(t2_values + k, &t2, sizeof t2);
        memcpy(bins + k, &places, sizeof places);
        is_candidate |= t2 >= min_t2;
    }
    return is_candidate;
}

/* The traits from `begin` to `end` of one variant, at most STRIP: all computed before any is counted, so that the divisions
 * of one do not wait for the counting of another. */
TARGET static void NAME(strip)(tests_t *job, size variant, size begin, size end) {
    const float *cross_product = job->cross_product + variant * job->stride;
    const float *trait_ss = job->trait_ss ? job->trait_ss + variant * job->trait_count : NULL;
    float t2_values[STRIP];
    int32_t bins[STRIP], any = 0;
    NAME(mask) is_candidate = {0};
    size start = begin;
    for (; start + LANES <= end; start += LANES) {
        size k = start - begin;
        is_candidate |=
            NAME(test_lanes)(job, variant, cross_product + start, trait_ss ? trait_ss + start : NULL, t2_values + k, bins + k);
    }
    if (start < end) {
        float padded_product[LANES] = {0}, padded_ss[LANES] = {0};
        memcpy(padded_product, cross_product + start, sizeof(float) * (size_t)(end - start));
        if (trait_ss)
            memcpy(padded_ss, trait_ss + start, sizeof(float) * (size_t)(end - start));
        size k = start - begin;
        is_candidate |= NAME(test_lanes)(job, variant, padded_product, trait_ss ? padded_ss : NULL, t2_values + k, bins + k);
    }
    size bin_count = job->bins;
    uint32_t *histogram = job->t2_histogram + begin * bin_count;
    for (size k = 0; k < end - begin; k++, histogram += bin_count)
        histogram[bins[k]]++;
    for (int k = 0; k < VECTOR; k++)
        any |= is_candidate[k];
    if (any)
        for (size k = 0; k < end - begin; k++)
            if (t2_values[k] >= job->min_t2[variant])
                NAME(add_candidate)(job, variant, begin + k);
}

TARGET static void NAME(tests)(tests_t *job) {
    for (size begin = 0; begin < job->trait_count; begin += STRIP) {
        size end = job->trait_count - begin < STRIP ? job->trait_count : begin + STRIP;
        for (size variant = 0; variant < job->variants; variant++) {
            size later = variant + AHEAD;
            for (size k = begin; k < end && later < job->variants; k += LANES)
                __builtin_prefetch(job->cross_product + later * job->stride + k);
            for (size k = begin; k < end && later < job->variants && job->trait_ss; k += LANES)
                __builtin_prefetch(job->trait_ss + later * job->trait_count + k);
            if (job->testable[variant])
                NAME(strip)(job, variant, begin, end);
        }
    }
}

/* One tile of products, the traits from `begin` on, of `count` variants from `first` on; all people have calls. */
TARGET static void NAME(tile)(tests_t *job, const lanes_t *products, size first, size count, size begin) {
    size width = job->trait_count - begin < LANES ? job->trait_count - begin : LANES;
    size bin_count = job->bins;
    const uint8_t *testable = job->testable + first;
    uint32_t *histogram = job->t2_histogram + begin * bin_count;
    for (size start = 0; start < count; start += BATCH) {
        size batch = count - start < BATCH ? count - start : BATCH;
        float t2_values[BATCH][LANES];
        int32_t bins[BATCH][LANES], any = 0;
        NAME(mask) is_candidate = {0};
        for (size i = 0; i < batch; i++)
            is_candidate |= NAME(test_lanes)(job, first + start + i, products[start + i].values, NULL, t2_values[i], bins[i]);
        for (size i = 0; i < batch; i++) {
            uint32_t *row = histogram;
            size end = testable[start + i] ? width : 0;
#pragma GCC unroll 16
            for (size k = 0; k < end; k++, row += bin_count)
                row[bins[i][k]]++;
        }
        for (int k = 0; k < VECTOR; k++)
            any |= is_candidate[k];
        if (!any)
            continue;
        for (size i = 0; i < batch; i++)
            for (size k = 0; k < width && testable[start + i]; k++)
                if (t2_values[i][k] >= job->min_t2[first + start + i])
                    NAME(add_candidate)(job, first + start + i, begin + k);
    }
}

#undef LARGER
#undef SMALLER
#undef STRIP
#undef AHEAD
#undef BATCH
