/* Counts of variants for pairs of people, from two bits per call, tile by tile of people and strip by strip of variants.
 *
 * Bits are counted with the instruction for it (VPOPCNTDQ) where VECTOR_POPCOUNT is set. Otherwise carry-save adders take in
 * four vectors at a time, so that only every fourth vector is counted (Harley and Seal; Warren, Hacker's Delight, 2nd ed.,
 * section 5-1). */
typedef uint64_t NAME(words) __attribute__((vector_size(4 * VECTOR)));
#define WORDS (VECTOR / 2) /* of a vector */
#define EVERY(pattern) (NAME(no_words) + UINT64_C(pattern))

static const NAME(words) NAME(no_words) = {0};

/* The bits of one vector whose number is one of the counts of a pair. */
TARGET static inline __attribute__((always_inline)) NAME(words)
    NAME(counted)(const uint64_t *first, const uint64_t *second, size words, size at, int count) {
#define PART(person, plane) (*(const NAME(words) *)((person) + (plane) * words + at))
    switch (count) {
    case BOTH_HET:
        return PART(first, HET) & PART(second, HET);
    case OPPOSITE:
        return PART(first, HOM) & PART(second, HOM) & (PART(first, TWO) ^ PART(second, TWO));
    case HET_FIRST:
        return PART(first, HET) & (PART(second, HET) | PART(second, HOM));
    default:
        return PART(second, HET) & (PART(first, HET) | PART(first, HOM));
    }
#undef PART
}

#if VECTOR_POPCOUNT
/* Adds the counts of a pair; only the first two unless calls are missing. */
TARGET static inline __attribute__((always_inline)) void NAME(add_counts)(const uint64_t *first, const uint64_t *second,
                                                                          size words, int used, int32_t *counts) {
    __m512i sums[KIN_COUNTS] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
    for (size at = 0; at < words; at += WORDS)
        for (int count = 0; count < used; count++) {
            __m512i bits = (__m512i)NAME(counted)(first, second, words, at, count);
            sums[count] = _mm512_add_epi64(sums[count], _mm512_popcnt_epi64(bits));
        }
    for (int count = 0; count < used; count++)
        counts[count] += (int32_t)_mm512_reduce_add_epi64(sums[count]);
}
#else
/* The number of ones in each byte. */
TARGET static inline NAME(words) NAME(ones_of_bytes)(NAME(words) bits) {
    bits -= bits >> 1 & EVERY(0x5555555555555555);
    bits = (bits & EVERY(0x3333333333333333)) + (bits >> 2 & EVERY(0x3333333333333333));
    return (bits + (bits >> 4)) & EVERY(0x0f0f0f0f0f0f0f0f);
}

/* Sums of neighbouring bytes. */
TARGET static inline NAME(words) NAME(sums_of_bytes)(NAME(words) bytes) {
    return (bytes & EVERY(0x00ff00ff00ff00ff)) + (bytes >> 8 & EVERY(0x00ff00ff00ff00ff));
}

#define ADD(high, low, one, other)                                                                                             \
    {                                                                                                                          \
        NAME(words) first_bits = (one), second_bits = (other), differ = (low) ^ first_bits;                                    \
        high = ((low) & first_bits) | (differ & second_bits);                                                                  \
        low = differ ^ second_bits;                                                                                            \
    }

/* Bytes do not overflow: a strip has at most KIN_WORDS. */
TARGET static inline
    __attribute__((always_inline)) int32_t NAME(total)(const uint64_t *first, const uint64_t *second, size words, int count) {
    NAME(words) ones = {0}, twos = {0}, fours = {0}, low = {0}, lower, upper, carried;
    size at = 0;
    for (; at + 4 * WORDS <= words; at += 4 * WORDS) {
        ADD(lower, ones, NAME(counted)(first, second, words, at, count),
            NAME(counted)(first, second, words, at + WORDS, count));
        ADD(upper, ones, NAME(counted)(first, second, words, at + 2 * WORDS, count),
            NAME(counted)(first, second, words, at + 3 * WORDS, count));
        ADD(carried, twos, lower, upper);
        fours += NAME(ones_of_bytes)(carried);
    }
    for (; at < words; at += WORDS)
        low += NAME(ones_of_bytes)(NAME(counted)(first, second, words, at, count));
    low += NAME(ones_of_bytes)(ones) + 2 * NAME(ones_of_bytes)(twos);
    NAME(words) sums = NAME(sums_of_bytes)(low) + 4 * NAME(sums_of_bytes)(fours);
    uint64_t total = 0;
    for (int word = 0; word < WORDS; word++)
        total += sums[word] * UINT64_C(0x0001000100010001) >> 48;
    return (int32_t)total;
}
#undef ADD

TARGET static inline __attribute__((always_inline)) void NAME(add_counts)(const uint64_t *first, const uint64_t *second,
                                                                          size words, int used, int32_t *counts) {
    for (int count = 0; count < used; count++)
        counts[count] += NAME(total)(first, second, words, count);
}
#endif

/* Planes of the people from `start` on, and their numbers of heterozygous calls. Returns whether any call is missing. */
TARGET static int NAME(open_strip)(const related_t *job, size strip, size start, size people, uint64_t *planes, int32_t *hets) {
    size words = job->words;
    int64_t padding = CALLS_PER_WORD * words - job->variants[strip], is_missing = 0;
    for (size person = 0; person < people; person++, planes += KIN_PLANES * words) {
        const uint64_t *low = job->calls + ((start + person) * job->strips + strip) * 2 * words, *high = low + words;
        int64_t het_count = 0, no_call_count = 0;
        for (size w = 0; w < words; w++) {
            planes[HET * words + w] = low[w] & ~high[w];
            planes[HOM * words + w] = ~low[w];
            planes[TWO * words + w] = high[w] & ~low[w];
            het_count += __builtin_popcountll(low[w] & ~high[w]);
            no_call_count += __builtin_popcountll(low[w] & high[w]);
        }
        hets[person] = (int32_t)het_count;
        is_missing |= no_call_count != padding;
    }
    return is_missing != 0;
}

/* Adds one strip's counts to those of the pairs of a tile. */
TARGET static void NAME(add_strip)(pair_tile_t *tile, size words, int has_missing) {
    for (size k = 0; k < tile->alive_count; k++) {
        size i = tile->alive[k].first, j = tile->alive[k].second;
        const uint64_t *first = tile->planes[0] + i * KIN_PLANES * words;
        const uint64_t *second = tile->planes[1] + j * KIN_PLANES * words;
        int32_t *counts = tile->alive[k].counts;
        if (has_missing) {
            NAME(add_counts)(first, second, words, KIN_COUNTS, counts);
            continue;
        }
        NAME(add_counts)(first, second, words, HET_FIRST, counts);
        counts[HET_FIRST] += tile->hets[0][i];
        counts[HET_SECOND] += tile->hets[1][j];
    }
}

#undef WORDS
#undef EVERY
