/* t squared of every test counted in histograms and compared with the limit; see _table.c. */
#define STRIP 64 /* traits whose histograms stay near the processor */
#define AHEAD 6  /* variants whose products are fetched before they are needed */

TARGET static void NAME(reach)(tests_t *job, size variant, size trait) {
    if (job->found < job->room) {
        job->reached[2 * job->found] = (int32_t)variant;
        job->reached[2 * job->found + 1] = (int32_t)trait;
    }
    job->found++;
}

/* LANES tests of one variant from trait `start` on, of which `count` are there. The same operations in the same order as
 * in screening.py. */
TARGET static inline void NAME(some)(tests_t *job, size variant, size start, const float *product, const float *length,
                                     size count) {
    float remaining = job->remaining[variant], degrees = job->degrees[variant], least = job->least[variant];
    float smallest = remaining * 1e-12f, last = (float)(job->bins - 1), chi2[LANES];
    int32_t bin[LANES], beyond = 0;
    for (size k = 0; k < LANES; k++) {
        float square = product[k] * product[k], rest = (length ? length[k] : 1.0f) * remaining - square;
        rest = rest > smallest ? rest : smallest;
        chi2[k] = square / rest * degrees;
    }
    for (size k = 0; k < LANES; k++) {
        float place = chi2[k] * 100.0f;
        bin[k] = (int32_t)(place < last ? place : last);
        beyond |= chi2[k] >= least;
    }
    for (size k = 0; k < count; k++)
        job->counts[(start + k) * job->bins + bin[k]]++;
    if (beyond)
        for (size k = 0; k < count; k++)
            if (chi2[k] >= least)
                NAME(reach)(job, variant, start + k);
}

TARGET static void NAME(tests)(tests_t *job) {
    for (size begin = 0; begin < job->trait_count; begin += STRIP) {
        size end = job->trait_count - begin < STRIP ? job->trait_count : begin + STRIP;
        for (size variant = 0; variant < job->variants; variant++) {
            const float *product = job->product + variant * job->stride;
            const float *length = job->length ? job->length + variant * job->trait_count : NULL;
            size start = begin;
            for (size k = begin; k < end && variant + AHEAD < job->variants; k += LANES)
                __builtin_prefetch(product + AHEAD * job->stride + k);
            if (!job->fine[variant])
                continue;
            for (; start + LANES <= end; start += LANES)
                NAME(some)(job, variant, start, product + start, length ? length + start : NULL, LANES);
            if (start < end) {
                float some[LANES] = {0}, lengths[LANES] = {0};
                memcpy(some, product + start, sizeof(float) * (size_t)(end - start));
                if (length)
                    memcpy(lengths, length + start, sizeof(float) * (size_t)(end - start));
                NAME(some)(job, variant, start, some, length ? lengths : NULL, end - start);
            }
        }
    }
}

#undef STRIP
#undef AHEAD
