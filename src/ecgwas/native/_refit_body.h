/* Candidates in float64; included once per instruction set after _missing_body.h, see _table.c. */

/* People of one word whose low bits are set, from `first` on; CARRIERS_AT_ONCE of them are written at a time, since the
 * processor foresees the end of such a loop better. Returns how many there are. */
TARGET static inline size NAME(list_bits)(uint64_t bits, size first, uint32_t *people) {
    size found = __builtin_popcountll(bits);
    for (size i = 0; i < found; i += CARRIERS_AT_ONCE) {
        for (int k = 0; k < CARRIERS_AT_ONCE; k++, bits &= bits - 1)
            people[i + k] = (uint32_t)(first + __builtin_ctzll(bits | HIGHEST_BIT) / 2);
    }
    return found;
}

/* Who carries minor alleles: those with one in `carriers`, then those with two. */
TARGET static void NAME(list_carriers)(const uint64_t *words, size count, carriers_t *carriers) {
    size found = 0;
    for (int copies = 1; copies <= 2; copies++) {
        for (size w = 0; w < count; w++) {
            uint64_t low = words[w] & LOW_BITS, high = words[w] >> 1 & LOW_BITS;
            found += NAME(list_bits)(copies == 1 ? low & ~high : high & ~low, w * PEOPLE_PER_WORD, carriers->people + found);
        }
        carriers->ends[copies - 1] = found;
    }
}

/* Sum over carriers `from` to `to` of one column, four sums at a time, since each addition waits for the last. */
TARGET static double NAME(sum)(const uint32_t *people, size from, size to, const double *column) {
    double sums[4] = {0};
    for (; from + 4 <= to; from += 4)
        for (int k = 0; k < 4; k++)
            sums[k] += column[people[from + k]];
    for (; from < to; from++)
        sums[0] += column[people[from]];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* Copies of one variant times one column. */
TARGET static double NAME(dot)(const carriers_t *carriers, const double *column) {
    return NAME(sum)(carriers->people, 0, carriers->ends[0], column) +
           2 * NAME(sum)(carriers->people, carriers->ends[0], carriers->ends[1], column);
}

#define WIDEST 4 /* vectors of sums at a time, and fewer where a basis ends */
#define NARROWER (LANES / DOUBLES < WIDEST ? LANES / DOUBLES : WIDEST)

/* `parts` vectors of `projection` from column `start` on; two sums at a time. */
TARGET static inline
    __attribute__((always_inline)) void NAME(project_some)(const carriers_t *carriers, const double *basis, size wide,
                                                           size start, int parts, double *projection) {
    NAME(doubles) sums[WIDEST] = {{0}};
    for (int copies = 1; copies <= 2; copies++) {
        NAME(doubles) even[WIDEST] = {{0}}, odd[WIDEST] = {{0}};
        size k = copies == 1 ? 0 : carriers->ends[0], end = carriers->ends[copies - 1];
        for (; k + 2 <= end; k += 2) {
            const NAME(doubles) *one = (const NAME(doubles) *)(basis + carriers->people[k] * wide + start);
            const NAME(doubles) *other = (const NAME(doubles) *)(basis + carriers->people[k + 1] * wide + start);
            for (int part = 0; part < parts; part++) {
                even[part] += one[part];
                odd[part] += other[part];
            }
        }
        for (int part = 0; part < parts; part++) {
            if (k < end)
                even[part] += ((const NAME(doubles) *)(basis + carriers->people[k] * wide + start))[part];
            sums[part] += copies * (even[part] + odd[part]);
        }
    }
    memcpy(projection + start, sums, sizeof(NAME(doubles)) * (size_t)parts);
}

/* projection (wide,) = copies of one variant times the basis. */
TARGET static void NAME(project)(const carriers_t *carriers, const double *basis, size wide, double *projection) {
    size start = 0;
    for (; start + WIDEST * DOUBLES <= wide; start += WIDEST * DOUBLES)
        NAME(project_some)(carriers, basis, wide, start, WIDEST, projection);
    for (; start < wide; start += LANES)
        NAME(project_some)(carriers, basis, wide, start, NARROWER, projection);
}

/* Adds what the missing calls of one variant change for one trait to cross_product and trait_ss, in float64. */
TARGET static void NAME(correct)(const NAME(workspace) *workspace, size missing, int by_sample, size rank, const double *trait,
                                 double *cross_product, double *trait_ss) {
    size wide = workspace->wide;
    for (size r = 0; r < wide; r++)
        workspace->first[r] = 0;
    for (size i = 0; i < missing; i++) {
        double value = trait[workspace->people[i]];
        if (by_sample) {
            workspace->first[i] = value;
            continue;
        }
        *trait_ss -= value * value;
        for (size c = 0; c < rank; c++)
            workspace->first[c] += workspace->rows[i * wide + c] * value;
    }
    NAME(solve_forward)(workspace, workspace->first);
    for (size r = 0; r < workspace->dims; r++) {
        *cross_product += workspace->first[r] * workspace->z[r];
        *trait_ss -= workspace->first[r] * workspace->first[r];
    }
}

TARGET static int NAME(refit_exact)(const refit_t *job) {
    NAME(workspace) workspace;
    carriers_t carriers = {.people = aligned(sizeof(uint32_t) * (size_t)(job->people + CARRIERS_AT_ONCE))};
    double *projection = aligned(sizeof(double) * (size_t)WIDE(job->rank)), projected_ss = 0;
    int ready =
        NAME(reserve)(&workspace, job->rank, NAME(max_missing)(job->missing, job->variants)) && projection && carriers.people;
    int by_sample = 0;
    size missing = 0;
    for (size hit = 0; ready && hit < job->hits; hit++) {
        size variant = job->candidates[2 * hit];
        const uint64_t *words = (const uint64_t *)job->packed + variant * job->words;
        const double *trait = job->traits + job->candidates[2 * hit + 1] * job->people;
        double *sums = job->sums + 3 * hit;
        if (hit == 0 || job->candidates[2 * hit - 2] != variant) {
            NAME(list_carriers)(words, job->words, &carriers);
            NAME(project)(&carriers, job->basis, workspace.wide, projection);
            projected_ss = 0;
            for (size r = 0; r < job->rank; r++)
                projected_ss += projection[r] * projection[r];
            missing = job->missing[variant] ? NAME(gather)(&workspace, words, job->words, job->basis) : 0;
            by_sample = missing <= job->rank;
            if (missing)
                projected_ss += NAME(change)(&workspace, missing, by_sample, projection, job->rank);
        }
        sums[0] = NAME(dot)(&carriers, trait);
        sums[1] = job->raw_ss[variant] - projected_ss;
        sums[2] = 1;
        if (missing)
            NAME(correct)(&workspace, missing, by_sample, job->rank, trait, sums, sums + 2);
    }
    free(projection);
    free(carriers.people);
    NAME(release)(&workspace);
    return ready;
}

#undef WIDEST
#undef NARROWER
