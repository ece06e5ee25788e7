/* Selects people, counts calls and recodes alleles; included once per instruction set, see _table.c. */

/* The bits of `word` where `mask` has ones, moved together. */
#if VECTOR > 4
#define EXTRACT(word, mask) __builtin_ia32_pext_di(word, mask)
#else
static uint64_t NAME(extract)(uint64_t word, uint64_t mask) {
    uint64_t found = 0;
    for (int place = 0; mask; place++, mask &= mask - 1)
        found |= (word >> __builtin_ctzll(mask) & 1) << place;
    return found;
}
#define EXTRACT(word, mask) NAME(extract)(word, mask)
#endif

TARGET static void NAME(choose)(const prepare_t *job, const uint8_t *source, uint64_t *words) {
    uint64_t waiting = 0;
    size out = 0;
    int filled = 0;
    for (size w = 0; w < job->source_words; w++) {
        uint64_t mask = job->keep[w];
        uint64_t bits = EXTRACT(word_at(source + w * WORD_BYTES, job->stride - w * WORD_BYTES), mask);
        int count = __builtin_popcountll(mask);
        waiting |= bits << filled;
        if (filled + count >= 64) {
            words[out++] = waiting;
            waiting = filled ? bits >> (64 - filled) : 0;
            filled -= 64;
        }
        filled += count;
    }
    if (out < job->words)
        words[out++] = waiting;
    while (out < job->words)
        words[out++] = 0;
}

/* True if the people selected are the first ones, so that their words can be copied. */
static int NAME(takes_first)(const prepare_t *job) {
    if (job->words == 0 || job->source_words != job->words)
        return 0;
    for (size w = 0; w + 1 < job->words; w++)
        if (~job->keep[w])
            return 0;
    uint64_t last = job->keep[job->words - 1];
    return last && (last & (last + 1)) == 0;
}

TARGET static void NAME(take_first)(const prepare_t *job, const uint8_t *source, uint64_t *words) {
    words[job->words - 1] = 0;
    memcpy(words, source, (size_t)job->stride);
    words[job->words - 1] &= job->keep[job->words - 1];
}

/* The minor allele is the rarer one among the calls; its copies take the place of the codes of a .bed (0: two of the
 * first allele, 1: no call, 2: one, 3: none). */
TARGET static void NAME(prepare)(const prepare_t *job) {
    int first_ones = NAME(takes_first)(job);
    for (size variant = 0; variant < job->variants; variant++) {
        uint64_t *words = (uint64_t *)job->packed + variant * job->words;
        int64_t both = 0, low = 0, high = 0;
        if (first_ones)
            NAME(take_first)(job, job->source + variant * job->stride, words);
        else
            NAME(choose)(job, job->source + variant * job->stride, words);
        for (size w = 0; w < job->words; w++) {
            uint64_t first = words[w] & LOW_BITS, second = words[w] >> 1 & LOW_BITS;
            both += __builtin_popcountll(first & second);
            low += __builtin_popcountll(first & ~second);
            high += __builtin_popcountll(second & ~first);
        }
        int64_t two = job->people - both - low - high;
        int flipped = 2 * two + high > job->people - low;
        for (size w = 0; w < job->words; w++) {
            uint64_t first = words[w] & LOW_BITS, second = words[w] >> 1 & LOW_BITS;
            words[w] = (flipped ? first : ~second & LOW_BITS) << 1 | (first ^ second);
        }
        size used = job->people / PEOPLE_PER_WORD;
        if (used < job->words)
            words[used] &= (UINT64_C(1) << (2 * (job->people % PEOPLE_PER_WORD))) - 1;
        for (size w = used + 1; w < job->words; w++)
            words[w] = 0;
        job->counts[variant] = flipped;
        job->counts[job->variants + variant] = low;
        job->counts[2 * job->variants + variant] = high;
        job->counts[3 * job->variants + variant] = flipped ? both : two;
    }
}
