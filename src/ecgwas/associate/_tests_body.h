/* t squared of every test counted in histograms and compared with the limit; see _table.c. */

TARGET static void NAME(reach)(tests_t *job, size variant, size trait) {
    if (job->found < job->room) {
        job->reached[2 * job->found] = (int32_t)variant;
        job->reached[2 * job->found + 1] = (int32_t)trait;
    }
    job->found++;
}

/* Some traits at a time, whose histograms stay near the processor. The same operations in the same order as in screening.py. */
TARGET static void NAME(tests)(tests_t *job) {
    for (size start = 0; start < job->trait_count; start += LANES) {
        size count = job->trait_count - start < LANES ? job->trait_count - start : LANES;
        for (size variant = 0; variant < job->variants; variant++) {
            if (!job->fine[variant])
                continue;
            float product[LANES] = {0}, length[LANES], chi2[LANES];
            int32_t bin[LANES];
            float remaining = job->remaining[variant], degrees = job->degrees[variant], least = job->least[variant];
            float smallest = remaining * 1e-12f, largest = 0;
            memcpy(product, job->product + variant * job->stride + start, sizeof(float) * (size_t)count);
            for (size k = 0; k < LANES; k++)
                length[k] = 1;
            if (job->length)
                memcpy(length, job->length + variant * job->trait_count + start, sizeof(float) * (size_t)count);
            for (size k = 0; k < LANES; k++) {
                float square = product[k] * product[k], rest = length[k] * remaining - square;
                rest = rest > smallest ? rest : smallest;
                chi2[k] = square / rest * degrees;
                float place = chi2[k] * 100.0f, last = (float)(job->bins - 1);
                bin[k] = (int32_t)(place < last ? place : last);
            }
            for (size k = 0; k < count; k++) {
                job->counts[(start + k) * job->bins + bin[k]]++;
                largest = chi2[k] > largest ? chi2[k] : largest;
            }
            for (size k = 0; k < count && largest >= least; k++)
                if (chi2[k] >= least)
                    NAME(reach)(job, variant, start + k);
        }
    }
}
