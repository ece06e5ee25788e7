/* Pairs of people, tile by tile of 64 people and strip by strip of variants. Calls are stored in two bits; only one strip of
 * two tiles is unpacked into planes at a time, so that the planes stay in the second-level cache. Pairs that a strip shows to
 * be unrelated take no part in the next one. */

/* KING-robust; see kinship.py. Not a number where the smaller number of heterozygous calls is 0. */
static double kinship_of(const int32_t *counts) {
    int32_t first = counts[HET_FIRST], second = counts[HET_SECOND];
    double smaller = first < second ? first : second;
    if (smaller == 0)
        return NAN;
    return (counts[BOTH_HET] - 2 * counts[OPPOSITE]) / (2 * smaller) + 0.5 - (first + second) / (4 * smaller);
}

/* KING-robust within families (equation 9): with the mean of both numbers of heterozygous calls, never smaller than with the
 * smaller of them. Unlike that, it is not biased downwards by few variants. */
static double most_kinship_of(const int32_t *counts) {
    int32_t both = counts[HET_FIRST] + counts[HET_SECOND];
    return both ? (counts[BOTH_HET] - 2 * counts[OPPOSITE]) / (double)both : NAN;
}

/* All pairs of two tiles, the same one or the second after the first. The planes of KIN_GROUP people stay in the first-level
 * cache while all of the first tile are paired with them. */
static void list_pairs(pair_tile_t *tile, size first_count, size second_count, int is_same) {
    tile->alive_count = 0;
    for (size group = 0; group < second_count; group += KIN_GROUP)
        for (size i = 0; i < first_count; i++)
            for (size j = is_same && i >= group ? i + 1 : group; j < second_count && j < group + KIN_GROUP; j++) {
                memset(&tile->alive[tile->alive_count], 0, sizeof *tile->alive);
                tile->alive[tile->alive_count].first = (uint16_t)i;
                tile->alive[tile->alive_count++].second = (uint16_t)j;
            }
}

/* Keeps the pairs that may be related after so many strips. */
static void drop_pairs(pair_tile_t *tile, double min_kinship) {
    size kept = 0;
    for (size k = 0; k < tile->alive_count; k++)
        if (!(most_kinship_of(tile->alive[k].counts) < min_kinship))
            tile->alive[kept++] = tile->alive[k];
    tile->alive_count = kept;
}

static void add_related(related_t *job, const pair_tile_t *tile, size first_start, size second_start) {
    for (size k = 0; k < tile->alive_count; k++) {
        if (!(kinship_of(tile->alive[k].counts) > job->min_kinship[job->strips - 1]))
            continue;
        if (job->pair_count < job->capacity) {
            job->pairs[2 * job->pair_count] = (int32_t)(first_start + tile->alive[k].first);
            job->pairs[2 * job->pair_count + 1] = (int32_t)(second_start + tile->alive[k].second);
            memcpy(job->counts + KIN_COUNTS * job->pair_count, tile->alive[k].counts, sizeof tile->alive[k].counts);
        }
        job->pair_count++;
    }
}

/* The pairs of the people from first_start and those from second_start on. */
static void run_pair_tile(related_t *job, pair_tile_t *tile, size first_start, size second_start) {
    size first_count = job->end - first_start < KIN_TILE ? job->end - first_start : KIN_TILE;
    size second_count = job->people - second_start < KIN_TILE ? job->people - second_start : KIN_TILE;
    list_pairs(tile, first_count, second_count, first_start == second_start);
    for (size strip = 0; strip < job->strips && tile->alive_count; strip++) {
        int is_missing = active->open_strip(job, strip, first_start, first_count, tile->planes[0], tile->hets[0]);
        is_missing |= active->open_strip(job, strip, second_start, second_count, tile->planes[1], tile->hets[1]);
        active->add_strip(tile, job->words, is_missing);
        if (strip + 1 < job->strips)
            drop_pairs(tile, job->min_kinship[strip]);
    }
    add_related(job, tile, first_start, second_start);
}

/* Returns 0 if there is no memory. */
static int run_related(related_t *job) {
    pair_tile_t tile = {.alive = aligned(sizeof *tile.alive * KIN_TILE * KIN_TILE)};
    int ready = tile.alive != NULL;
    for (int side = 0; side < 2; side++) {
        tile.planes[side] = aligned(sizeof(uint64_t) * KIN_TILE * KIN_PLANES * (size_t)job->words);
        tile.hets[side] = aligned(sizeof(int32_t) * KIN_TILE);
        ready = ready && tile.planes[side] && tile.hets[side];
    }
    for (size first = job->begin; ready && first < job->end; first += KIN_TILE)
        for (size second = first; second < job->people; second += KIN_TILE)
            run_pair_tile(job, &tile, first, second);
    for (int side = 0; side < 2; side++) {
        free(tile.planes[side]);
        free(tile.hets[side]);
    }
    free(tile.alive);
    return ready;
}
