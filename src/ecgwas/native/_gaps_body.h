/* People without a call left out of a variant (the algebra of least_squares.py); see _table.c. */
#if VECTOR == 16
#define HIGH 8 /* rows of the product kept in registers */
#else
#define HIGH 4
#endif

/* Room for one variant at a time; `wide` is a rank rounded up to whole vectors, its padding stays 0. */
typedef struct {
    size wide, most;
    size *people;   /* (most,) without a call */
    double *rows;   /* (most, wide) their rows of the basis */
    double *matrix; /* (wide, wide), then its Cholesky factor U above the diagonal */
    double *scale;  /* (wide,) one over the diagonal of U */
    double *root;   /* (wide, wide) inverse of U, where it is asked for */
    double *z;      /* (wide,) */
    double *first;  /* (wide,) */
    float *weights; /* (most, wide) */
    float *z32;     /* (wide,) */
    float *u32;     /* (most,) */
    size dims;      /* order of the matrix in use */
    double trace;   /* of the product of the rows, Q_S'Q_S */
    double bound;   /* of the share of y_S'y_S that the covariates take */
} NAME(room);

static void NAME(release)(NAME(room) *room) {
    free(room->people);
    free(room->rows);
    free(room->matrix);
    free(room->scale);
    free(room->root);
    free(room->z);
    free(room->first);
    free(room->weights);
    free(room->z32);
    free(room->u32);
}

static int NAME(reserve)(NAME(room) *room, size rank, size most) {
    size wide = WIDE(rank);
    size_t square = (size_t)(wide * wide), rows = (size_t)(wide * (most + 4));
    *room = (NAME(room)){.wide = wide, .most = most};
    room->people = aligned(sizeof(size) * (size_t)(most + 1));
    room->rows = aligned(sizeof(double) * rows);
    room->matrix = aligned(sizeof(double) * square);
    room->root = aligned(sizeof(double) * square);
    room->scale = aligned(sizeof(double) * (size_t)wide);
    room->z = aligned(sizeof(double) * (size_t)wide);
    room->first = aligned(sizeof(double) * (size_t)wide);
    room->weights = aligned(sizeof(float) * rows);
    room->z32 = aligned(sizeof(float) * (size_t)wide);
    room->u32 = aligned(sizeof(float) * (size_t)(most + 1));
    return room->people && room->rows && room->matrix && room->scale && room->root && room->z && room->first &&
           room->weights && room->z32 && room->u32;
}

/* Who has no call, and their rows of the basis. Gives how many. */
TARGET static size NAME(gather)(NAME(room) *room, const uint64_t *words, size count, const double *basis) {
    size found = 0;
    for (size w = 0; w < count; w++)
        for (uint64_t bits = words[w] & words[w] >> 1 & LOW_BITS; bits && found < room->most; bits &= bits - 1)
            room->people[found++] = w * 32 + __builtin_ctzll(bits) / 2;
    for (size i = 0; i < found; i++) {
        for (size c = 0; c < room->wide && i + 8 < found; c += 8)
            __builtin_prefetch(basis + room->people[i + 8] * room->wide + c);
        memcpy(room->rows + i * room->wide, basis + room->people[i] * room->wide, sizeof(double) * (size_t)room->wide);
    }
    return found;
}

/* Sum of left * right from column `start` on, eight sums at a time; from the whole eight that `start` lies in. */
TARGET static inline double NAME(inner)(const double *left, const double *right, size start, size wide) {
    double sums[8] = {0}, total = 0;
    for (size c = start / 8 * 8; c < wide; c += 8)
        for (int lane = 0; lane < 8; lane++)
            sums[lane] += left[c + lane] * right[c + lane];
    for (int lane = 0; lane < 8; lane++)
        total += sums[lane];
    return total;
}

/* matrix = I - rows' rows, its upper triangle. */
TARGET static void NAME(gram_of_columns)(NAME(room) *room, size missing) {
    size wide = room->wide;
    for (size r = 0; r < wide; r += 4) {
        for (size c = r / DOUBLES * DOUBLES; c < wide; c += DOUBLES) {
            NAME(doubles) sums[4] = {{0}};
            for (size i = 0; i < missing; i++) {
                const double *row = room->rows + i * wide;
                NAME(doubles) right = *(const NAME(doubles) *)(row + c);
                for (int k = 0; k < 4; k++)
                    sums[k] += row[r + k] * right;
            }
            for (int k = 0; k < 4; k++)
                *(NAME(doubles) *)(room->matrix + (r + k) * wide + c) = -sums[k];
        }
    }
    for (size r = 0; r < wide; r++)
        room->matrix[r * wide + r] += 1;
    room->dims = wide;
}

/* matrix = I - rows rows', its upper triangle. */
TARGET static void NAME(gram_of_rows)(NAME(room) *room, size missing) {
    size wide = room->wide;
    for (size i = 0; i < missing; i++) {
        memset(room->matrix + i * wide, 0, sizeof(double) * (size_t)wide);
        for (size j = i; j < missing; j++) {
            const double *left = room->rows + i * wide, *right = room->rows + j * wide;
            room->matrix[i * wide + j] = (i == j) - NAME(inner)(left, right, 0, wide);
        }
    }
    room->dims = missing;
}

/* The trace of G = Q_S'Q_S and a bound of L / (1 - L), L its largest eigenvalue, from matrix = I - G: L is at most the mean
 * of the eigenvalues plus their standard deviation times sqrt(rank - 1) (Wolkowicz and Styan 1980, theorem 2.1). */
TARGET static void NAME(leverage)(NAME(room) *room, size rank) {
    double trace = 0, squares[8] = {0}, squared = 0;
    for (size r = 0; r < rank; r++) {
        const double *row = room->matrix + r * room->wide;
        double own = 1 - row[r];
        for (size c = (r + 1) / 8 * 8; c < room->wide; c += 8)
            for (int lane = 0; lane < 8; lane++)
                squares[lane] += c + lane > r ? row[c + lane] * row[c + lane] : 0;
        trace += own;
        squared += own * own;
    }
    for (int lane = 0; lane < 8; lane++)
        squared += 2 * squares[lane];
    double mean = trace / (double)rank, variance = squared / (double)rank - mean * mean;
    double most = mean + sqrt((variance > 0 ? variance : 0) * (double)(rank - 1));
    room->trace = trace;
    room->bound = most < 1 ? most / (1 - most) : INFINITY;
}

/* to -= factor * row, from column `start` on in whole vectors. */
TARGET static inline void NAME(take)(double *to, const double *row, double factor, size start, size wide) {
    for (size c = start / DOUBLES * DOUBLES; c < wide; c += DOUBLES)
        *(NAME(doubles) *)(to + c) -= factor * *(const NAME(doubles) *)(row + c);
}

/* U, where U'U = matrix (Cholesky), takes the matrix's place; row by row, so that whole vectors are worked on. Gives 0 where
 * the people who remain cannot carry the covariates. */
TARGET static int NAME(cholesky)(NAME(room) *room) {
    size wide = room->wide, dims = room->dims;
    for (size k = 0; k < dims; k++) {
        double *row = room->matrix + k * wide, pivot = row[k];
        if (!(pivot > SMALLEST_ROOT * SMALLEST_ROOT))
            return 0;
        room->scale[k] = 1 / sqrt(pivot);
        for (size c = k + 1; c < wide; c++)
            row[c] *= room->scale[k];
        for (size c = 0; c <= k; c++)
            row[c] = 0;
        for (size r = k + 1; r < dims; r++)
            NAME(take)(room->matrix + r * wide, row, row[r], r, wide);
    }
    return 1;
}

/* root = inverse of U. */
TARGET static void NAME(invert)(NAME(room) *room) {
    size wide = room->wide, dims = room->dims;
    memset(room->root, 0, sizeof(double) * (size_t)(wide * wide));
    for (size k = 0; k < dims; k++) {
        room->root[k * wide + k] = 1;
        for (size c = 0; c <= k; c++) {
            double solved = room->root[c * wide + k] *= room->scale[k];
            NAME(take)(room->root + c * wide, room->matrix + k * wide, solved, k, wide);
        }
    }
}

/* values (wide,) -> U'^-1 values. */
TARGET static void NAME(solve_forward)(const NAME(room) *room, double *values) {
    for (size k = 0; k < room->dims; k++) {
        values[k] *= room->scale[k];
        NAME(take)(values, room->matrix + k * room->wide, values[k], k, room->wide); /* its row is 0 up to k */
    }
}

/* values (wide,) -> U^-1 values. */
TARGET static void NAME(solve_backward)(const NAME(room) *room, double *values) {
    for (size k = room->dims - 1; k >= 0; k--) {
        const double *row = room->matrix + k * room->wide;
        values[k] = (values[k] - NAME(inner)(row, values, k, room->wide)) * room->scale[k];
    }
}

/* What the missing calls of one variant change: fills z, gives what `explained` gains, or infinity.
 * few: matrices of the people left out; else of the covariates. */
TARGET static double NAME(change)(NAME(room) *room, size missing, int few, const double *along, size rank) {
    size wide = room->wide;
    double gained = 0;
    if (few)
        NAME(gram_of_rows)(room, missing);
    else
        NAME(gram_of_columns)(room, missing);
    if (!few)
        NAME(leverage)(room, rank);
    if (!NAME(cholesky)(room))
        return INFINITY;
    for (size r = 0; r < room->dims; r++) {
        double sum = 0;
        if (few)
            for (size c = 0; c < rank; c++)
                sum += room->rows[r * wide + c] * along[c];
        room->z[r] = few ? sum : r < rank ? along[r] : 0;
    }
    for (size r = room->dims; r < wide; r++)
        room->z[r] = 0;
    NAME(solve_forward)(room, room->z);
    for (size r = 0; r < room->dims; r++)
        gained += room->z[r] * room->z[r];
    if (!few)
        for (size r = 0; r < rank; r++)
            gained -= along[r] * along[r];
    return gained;
}

/* weights (missing, wide) = root of few people, or rows times root: the traits' part is weights' times their rows. */
TARGET static void NAME(weigh)(NAME(room) *room, size missing, int few) {
    size wide = room->wide;
    NAME(invert)(room);
    for (size r = 0; r < wide; r++)
        room->z32[r] = (float)room->z[r];
    if (few) {
        for (size i = 0; i < missing * wide; i++)
            room->weights[i] = (float)room->root[i];
        return;
    }
    for (size start = 0; start < wide; start += DOUBLES) {
        for (size i = 0; i < missing; i += 4) { /* four people at a time; there is room for three too many */
            NAME(doubles) sums[4] = {{0}};
            for (size c = 0; c < start + DOUBLES; c++) {
                NAME(doubles) column = *(const NAME(doubles) *)(room->root + c * wide + start);
                for (int k = 0; k < 4; k++)
                    sums[k] += room->rows[(i + k) * wide + c] * column;
            }
            for (int k = 0; k < 4; k++)
                for (int lane = 0; lane < DOUBLES; lane++)
                    room->weights[(i + k) * wide + start + lane] = (float)sums[k][lane];
        }
    }
}

/* Traits `start` to `start` + 2 vectors of one variant, in full; HIGH rows of the product kept in registers. */
TARGET static void NAME(spread)(const gaps_t *job, const NAME(room) *room, size missing, int few, size variant, size start) {
    size wide = room->wide, used = few ? missing : job->rank;
    NAME(vector) squares[2] = {{0}}, products[2] = {{0}};
    for (size r = 0; r < used; r += HIGH) {
        NAME(vector) left[HIGH] = {{0}}, right[HIGH] = {{0}};
        for (size i = 0; i < missing; i++) {
            const float *values = job->traits + room->people[i] * job->padded + start;
            const float *weights = room->weights + i * wide + r;
            NAME(vector) one = *(const NAME(loose) *)values, other = *(const NAME(loose) *)(values + VECTOR);
            if (r == 0) { /* the next traits of the same people are far away */
                __builtin_prefetch(values + 2 * VECTOR);
                __builtin_prefetch(values + 3 * VECTOR);
            }
            for (int k = 0; k < HIGH; k++) {
                left[k] += weights[k] * one;
                right[k] += weights[k] * other;
            }
        }
        for (int k = 0; k < HIGH; k++) {
            squares[0] += left[k] * left[k];
            squares[1] += right[k] * right[k];
            products[0] += room->z32[r + k] * left[k];
            products[1] += room->z32[r + k] * right[k];
        }
    }
    for (size i = 0; i < missing && !few; i++) {
        const float *values = job->traits + room->people[i] * job->padded + start;
        NAME(vector) one = *(const NAME(loose) *)values, other = *(const NAME(loose) *)(values + VECTOR);
        squares[0] += one * one;
        squares[1] += other * other;
    }
    for (int half = 0; half < 2; half++) {
        for (size lane = 0, k = start + half * VECTOR; lane < VECTOR && k < job->trait_count; lane++, k++) {
            job->length[variant * job->trait_count + k] = 1.0f - squares[half][lane];
            job->product[variant * job->stride + k] += products[half][lane];
        }
    }
}

/* GROUP traits in full. */
TARGET static void NAME(in_full)(const gaps_t *job, const NAME(room) *room, size missing, int few, size variant, size group) {
    for (size start = group; start < group + GROUP; start += 2 * VECTOR)
        NAME(spread)(job, room, missing, few, variant, start);
}

/* u (missing,), whose product with the traits of the people left out is what g'My gains: rows times U^-1 z. */
TARGET static void NAME(gains)(NAME(room) *room, size missing) {
    size wide = room->wide;
    memcpy(room->first, room->z, sizeof(double) * (size_t)wide);
    NAME(solve_backward)(room, room->first);
    for (size i = 0; i < missing; i++)
        room->u32[i] = (float)NAME(inner)(room->rows + i * wide, room->first, 0, wide);
}

/* GROUP traits of one variant by the sums of squares of the people left out alone. With s = y_S'y_S, y'My is 1 - s less
 * y_S'Q_S A^-1 Q_S'y_S, which lies between 0 and s L / (1 - L), L the largest eigenvalue of Q_S'Q_S: its expectation for a
 * trait that the covariates do not explain, s times trace / missing, takes its place. Gives 0 if that could move t squared
 * by more than TRUST; then nothing was changed. */
TARGET static int NAME(in_brief)(const gaps_t *job, const NAME(room) *room, size missing, size variant, size group) {
    float squares[GROUP], products[GROUP], share = (float)(room->trace / (double)missing), most = 0;
    for (size start = 0; start < GROUP; start += 4 * VECTOR) {
        NAME(vector) square[4] = {{0}}, product[4] = {{0}};
        for (size i = 0; i < missing; i++) {
            const float *values = job->traits + room->people[i] * job->padded + group + start;
            for (int k = 0; k < 4; k++) {
                NAME(vector) some = *(const NAME(loose) *)(values + k * VECTOR);
                __builtin_prefetch(values + GROUP + k * VECTOR);
                square[k] += some * some;
                product[k] += room->u32[i] * some;
            }
        }
        memcpy(squares + start, square, sizeof square);
        memcpy(products + start, product, sizeof product);
    }
    for (int k = 0; k < GROUP; k++)
        most = squares[k] > most ? squares[k] : most;
    if (!(room->bound * most <= (float)TRUST * (1 - most)))
        return 0;
    for (size k = 0; k < GROUP && group + k < job->trait_count; k++) {
        job->length[variant * job->trait_count + group + k] = 1.0f - squares[k] - share * squares[k];
        job->product[variant * job->stride + group + k] += products[k];
    }
    return 1;
}

/* All traits of one variant. */
TARGET static void NAME(mend)(const gaps_t *job, NAME(room) *room, size missing, int few, size variant) {
    int weighed = 0, brief = !few && !job->thorough;
    if (brief)
        NAME(gains)(room, missing);
    for (size group = 0; group < job->padded; group += GROUP) {
        if (brief && NAME(in_brief)(job, room, missing, variant, group))
            continue;
        if (!weighed)
            NAME(weigh)(room, missing, few);
        weighed = 1;
        NAME(in_full)(job, room, missing, few, variant, group);
    }
}

static size NAME(most)(const int64_t *missing, size variants) {
    int64_t most = 0;
    for (size variant = 0; variant < variants; variant++)
        most = missing[variant] > most ? missing[variant] : most;
    return (size)most;
}

TARGET static int NAME(gaps)(const gaps_t *job) {
    NAME(room) room;
    int ready = NAME(reserve)(&room, job->rank, NAME(most)(job->missing, job->variants));
    for (size variant = 0; ready && variant < job->variants; variant++) {
        float *length = job->length + variant * job->trait_count;
        for (size k = 0; k < job->trait_count; k++)
            length[k] = 1;
        if (job->missing[variant] == 0)
            continue;
        const double *along = job->along + variant * job->rank;
        const uint64_t *words = (const uint64_t *)job->packed + variant * job->words;
        size missing = NAME(gather)(&room, words, job->words, job->basis);
        int few = missing <= job->rank;
        job->explained[variant] += NAME(change)(&room, missing, few, along, job->rank);
        if (!isfinite(job->explained[variant]))
            continue;
        NAME(mend)(job, &room, missing, few, variant);
    }
    NAME(release)(&room);
    return ready;
}

#undef HIGH
