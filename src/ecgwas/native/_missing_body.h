/* Sums of a variant without the people who have no call (the algebra of least_squares.py); see _table.c. Cholesky, inverse and
 * solves are written out here, since a library's would not give the same bits everywhere. */
#if VECTOR == 16
#define HIGH 8 /* rows of the product kept in registers */
#else
#define HIGH 4
#endif

/* Memory for one variant at a time; `wide` is a rank rounded up to whole vectors, whose padding stays 0. */
typedef struct {
    size wide, max_missing;
    size *people;   /* (max_missing,) without a call */
    double *rows;   /* (max_missing, wide) their rows of the basis */
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
} NAME(workspace);

static void NAME(release)(NAME(workspace) *workspace) {
    free(workspace->people);
    free(workspace->rows);
    free(workspace->matrix);
    free(workspace->scale);
    free(workspace->root);
    free(workspace->z);
    free(workspace->first);
    free(workspace->weights);
    free(workspace->z32);
    free(workspace->u32);
}

static int NAME(reserve)(NAME(workspace) *workspace, size rank, size max_missing) {
    size wide = WIDE(rank);
    size_t square = (size_t)(wide * wide), rows = (size_t)(wide * (max_missing + 4));
    *workspace = (NAME(workspace)){.wide = wide, .max_missing = max_missing};
    workspace->people = aligned(sizeof(size) * (size_t)(max_missing + 1));
    workspace->rows = aligned(sizeof(double) * rows);
    workspace->matrix = aligned(sizeof(double) * square);
    workspace->root = aligned(sizeof(double) * square);
    workspace->scale = aligned(sizeof(double) * (size_t)wide);
    workspace->z = aligned(sizeof(double) * (size_t)wide);
    workspace->first = aligned(sizeof(double) * (size_t)wide);
    workspace->weights = aligned(sizeof(float) * rows);
    workspace->z32 = aligned(sizeof(float) * (size_t)wide);
    workspace->u32 = aligned(sizeof(float) * (size_t)(max_missing + 1));
    return workspace->people && workspace->rows && workspace->matrix && workspace->scale && workspace->root && workspace->z &&
           workspace->first && workspace->weights && workspace->z32 && workspace->u32;
}

/* Lists who has no call, and copies their rows of the basis. Returns how many. */
TARGET static size NAME(gather)(NAME(workspace) *workspace, const uint64_t *words, size count, const double *basis) {
    size found = 0;
    for (size w = 0; w < count; w++)
        for (uint64_t bits = words[w] & words[w] >> 1 & LOW_BITS; bits && found < workspace->max_missing; bits &= bits - 1)
            workspace->people[found++] = w * PEOPLE_PER_WORD + __builtin_ctzll(bits) / 2;
    for (size i = 0; i < found; i++) {
        for (size c = 0; c < workspace->wide && i + 8 < found; c += 8)
            __builtin_prefetch(basis + workspace->people[i + 8] * workspace->wide + c);
        memcpy(workspace->rows + i * workspace->wide, basis + workspace->people[i] * workspace->wide,
               sizeof(double) * (size_t)workspace->wide);
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
TARGET static void NAME(gram_of_columns)(NAME(workspace) *workspace, size missing) {
    size wide = workspace->wide;
    for (size r = 0; r < wide; r += 4) {
        for (size c = r / DOUBLES * DOUBLES; c < wide; c += DOUBLES) {
            NAME(doubles) sums[4] = {{0}};
            for (size i = 0; i < missing; i++) {
                const double *row = workspace->rows + i * wide;
                NAME(doubles) right = *(const NAME(doubles) *)(row + c);
                for (int k = 0; k < 4; k++)
                    sums[k] += row[r + k] * right;
            }
            for (int k = 0; k < 4; k++)
                *(NAME(doubles) *)(workspace->matrix + (r + k) * wide + c) = -sums[k];
        }
    }
    for (size r = 0; r < wide; r++)
        workspace->matrix[r * wide + r] += 1;
    workspace->dims = wide;
}

/* matrix = I - rows rows', its upper triangle. */
TARGET static void NAME(gram_of_rows)(NAME(workspace) *workspace, size missing) {
    size wide = workspace->wide;
    for (size i = 0; i < missing; i++) {
        memset(workspace->matrix + i * wide, 0, sizeof(double) * (size_t)wide);
        for (size j = i; j < missing; j++) {
            const double *left = workspace->rows + i * wide, *right = workspace->rows + j * wide;
            workspace->matrix[i * wide + j] = (i == j) - NAME(inner)(left, right, 0, wide);
        }
    }
    workspace->dims = missing;
}

/* The trace of G = Q_S'Q_S and a bound of L / (1 - L), L its largest eigenvalue, from matrix = I - G: L is at most the mean
 * of the eigenvalues plus their standard deviation times sqrt(rank - 1) (Wolkowicz and Styan 1980, theorem 2.1). */
TARGET static void NAME(leverage)(NAME(workspace) *workspace, size rank) {
    double trace = 0, squares[8] = {0}, squared = 0;
    for (size r = 0; r < rank; r++) {
        const double *row = workspace->matrix + r * workspace->wide;
        double own = 1 - row[r];
        for (size c = (r + 1) / 8 * 8; c < workspace->wide; c += 8)
            for (int lane = 0; lane < 8; lane++)
                squares[lane] += c + lane > r ? row[c + lane] * row[c + lane] : 0;
        trace += own;
        squared += own * own;
    }
    for (int lane = 0; lane < 8; lane++)
        squared += 2 * squares[lane];
    double mean = trace / (double)rank, variance = squared / (double)rank - mean * mean;
    double most = mean + sqrt((variance > 0 ? variance : 0) * (double)(rank - 1));
    workspace->trace = trace;
    workspace->bound = most < 1 ? most / (1 - most) : INFINITY;
}

/* to -= factor * row, from column `start` on in whole vectors. */
TARGET static inline void NAME(take)(double *to, const double *row, double factor, size start, size wide) {
    for (size c = start / DOUBLES * DOUBLES; c < wide; c += DOUBLES)
        *(NAME(doubles) *)(to + c) -= factor * *(const NAME(doubles) *)(row + c);
}

/* U, where U'U = matrix (Cholesky), replaces the matrix, row by row in whole vectors. Returns 0 if the covariates are
 * collinear among the people who remain. */
TARGET static int NAME(cholesky)(NAME(workspace) *workspace) {
    size wide = workspace->wide, dims = workspace->dims;
    for (size k = 0; k < dims; k++) {
        double *row = workspace->matrix + k * wide, pivot = row[k];
        if (!(pivot > SMALLEST_ROOT * SMALLEST_ROOT))
            return 0;
        workspace->scale[k] = 1 / sqrt(pivot);
        for (size c = k + 1; c < wide; c++)
            row[c] *= workspace->scale[k];
        for (size c = 0; c <= k; c++)
            row[c] = 0;
        for (size r = k + 1; r < dims; r++)
            NAME(take)(workspace->matrix + r * wide, row, row[r], r, wide);
    }
    return 1;
}

/* root = inverse of U. */
TARGET static void NAME(invert)(NAME(workspace) *workspace) {
    size wide = workspace->wide, dims = workspace->dims;
    memset(workspace->root, 0, sizeof(double) * (size_t)(wide * wide));
    for (size k = 0; k < dims; k++) {
        workspace->root[k * wide + k] = 1;
        for (size c = 0; c <= k; c++) {
            double solved = workspace->root[c * wide + k] *= workspace->scale[k];
            NAME(take)(workspace->root + c * wide, workspace->matrix + k * wide, solved, k, wide);
        }
    }
}

/* values (wide,) -> U'^-1 values. */
TARGET static void NAME(solve_forward)(const NAME(workspace) *workspace, double *values) {
    for (size k = 0; k < workspace->dims; k++) {
        values[k] *= workspace->scale[k];
        NAME(take)(values, workspace->matrix + k * workspace->wide, values[k], k, workspace->wide); /* the row is 0 up to k */
    }
}

/* values (wide,) -> U^-1 values. */
TARGET static void NAME(solve_backward)(const NAME(workspace) *workspace, double *values) {
    for (size k = workspace->dims - 1; k >= 0; k--) {
        const double *row = workspace->matrix + k * workspace->wide;
        values[k] = (values[k] - NAME(inner)(row, values, k, workspace->wide)) * workspace->scale[k];
    }
}

/* The effect of one variant's missing calls: fills z and returns what projected_ss gains, or infinity. by_sample: with matrices
 * (missing, missing); otherwise (rank, rank). */
TARGET static double NAME(change)(NAME(workspace) *workspace, size missing, int by_sample, const double *projection,
                                  size rank) {
    size wide = workspace->wide;
    double gained = 0;
    if (by_sample)
        NAME(gram_of_rows)(workspace, missing);
    else
        NAME(gram_of_columns)(workspace, missing);
    if (!by_sample)
        NAME(leverage)(workspace, rank);
    if (!NAME(cholesky)(workspace))
        return INFINITY;
    for (size r = 0; r < workspace->dims; r++) {
        double sum = 0;
        if (by_sample)
            for (size c = 0; c < rank; c++)
                sum += workspace->rows[r * wide + c] * projection[c];
        workspace->z[r] = by_sample ? sum : r < rank ? projection[r] : 0;
    }
    for (size r = workspace->dims; r < wide; r++)
        workspace->z[r] = 0;
    NAME(solve_forward)(workspace, workspace->z);
    for (size r = 0; r < workspace->dims; r++)
        gained += workspace->z[r] * workspace->z[r];
    if (!by_sample)
        for (size r = 0; r < rank; r++)
            gained -= projection[r] * projection[r];
    return gained;
}

/* weights (missing, wide) = root if by_sample, otherwise rows times root; weights' times the traits' rows follows. */
TARGET static void NAME(make_weights)(NAME(workspace) *workspace, size missing, int by_sample) {
    size wide = workspace->wide;
    NAME(invert)(workspace);
    for (size r = 0; r < wide; r++)
        workspace->z32[r] = (float)workspace->z[r];
    if (by_sample) {
        for (size i = 0; i < missing * wide; i++)
            workspace->weights[i] = (float)workspace->root[i];
        return;
    }
    for (size start = 0; start < wide; start += DOUBLES) {
        for (size i = 0; i < missing; i += 4) { /* four people at a time; there is room for three too many */
            NAME(doubles) sums[4] = {{0}};
            for (size c = 0; c < start + DOUBLES; c++) {
                NAME(doubles) column = *(const NAME(doubles) *)(workspace->root + c * wide + start);
                for (int k = 0; k < 4; k++)
                    sums[k] += workspace->rows[(i + k) * wide + c] * column;
            }
            for (int k = 0; k < 4; k++)
                for (int lane = 0; lane < DOUBLES; lane++)
                    workspace->weights[(i + k) * wide + start + lane] = (float)sums[k][lane];
        }
    }
}

/* Exact sums of 2 vectors of traits from `start`, for one variant; HIGH rows of the product stay in registers. */
TARGET static void NAME(accumulate)(const adjust_t *job, const NAME(workspace) *workspace, size missing, int by_sample,
                                    size variant, size start) {
    size wide = workspace->wide, used = by_sample ? missing : job->rank;
    NAME(vector) squares[2] = {{0}}, products[2] = {{0}};
    for (size r = 0; r < used; r += HIGH) {
        NAME(vector) left[HIGH] = {{0}}, right[HIGH] = {{0}};
        for (size i = 0; i < missing; i++) {
            const float *values = job->traits + workspace->people[i] * job->padded_count + start;
            const float *weights = workspace->weights + i * wide + r;
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
            products[0] += workspace->z32[r + k] * left[k];
            products[1] += workspace->z32[r + k] * right[k];
        }
    }
    for (size i = 0; i < missing && !by_sample; i++) {
        const float *values = job->traits + workspace->people[i] * job->padded_count + start;
        NAME(vector) one = *(const NAME(loose) *)values, other = *(const NAME(loose) *)(values + VECTOR);
        squares[0] += one * one;
        squares[1] += other * other;
    }
    for (int half = 0; half < 2; half++) {
        for (size lane = 0, k = start + half * VECTOR; lane < VECTOR && k < job->trait_count; lane++, k++) {
            job->trait_ss[variant * job->trait_count + k] = 1.0f - squares[half][lane];
            job->cross_product[variant * job->stride + k] += products[half][lane];
        }
    }
}

/* Exact sums of GROUP traits. */
TARGET static void NAME(exact)(const adjust_t *job, const NAME(workspace) *workspace, size missing, int by_sample, size variant,
                               size group) {
    for (size start = group; start < group + GROUP; start += 2 * VECTOR)
        NAME(accumulate)(job, workspace, missing, by_sample, variant, start);
}

/* u (missing,) = rows times U^-1 z. Its product with the traits of the people without a call is what g'My gains. */
TARGET static void NAME(cross_product_weights)(NAME(workspace) *workspace, size missing) {
    size wide = workspace->wide;
    memcpy(workspace->first, workspace->z, sizeof(double) * (size_t)wide);
    NAME(solve_backward)(workspace, workspace->first);
    for (size i = 0; i < missing; i++)
        workspace->u32[i] = (float)NAME(inner)(workspace->rows + i * wide, workspace->first, 0, wide);
}

/* GROUP traits of one variant from the sums of squares of the people without a call alone. With s = y_S'y_S, y'My is 1 - s less
 * y_S'Q_S A^-1 Q_S'y_S, which lies between 0 and s L / (1 - L), L the largest eigenvalue of Q_S'Q_S: its expectation for a
 * trait that the covariates do not explain, s times trace / missing, is used instead. Returns 0, and changes nothing, if
 * that could move t squared by more than T2_TOLERANCE. */
TARGET static int NAME(approximate)(const adjust_t *job, const NAME(workspace) *workspace, size missing, size variant,
                                    size group) {
    float squares[GROUP], products[GROUP], share = (float)(workspace->trace / (double)missing), largest = 0;
    for (size start = 0; start < GROUP; start += 4 * VECTOR) {
        NAME(vector) square[4] = {{0}}, product[4] = {{0}};
        for (size i = 0; i < missing; i++) {
            const float *values = job->traits + workspace->people[i] * job->padded_count + group + start;
            for (int k = 0; k < 4; k++) {
                NAME(vector) value = *(const NAME(loose) *)(values + k * VECTOR);
                __builtin_prefetch(values + GROUP + k * VECTOR);
                square[k] += value * value;
                product[k] += workspace->u32[i] * value;
            }
        }
        memcpy(squares + start, square, sizeof square);
        memcpy(products + start, product, sizeof product);
    }
    for (int k = 0; k < GROUP; k++)
        largest = squares[k] > largest ? squares[k] : largest;
    if (!(workspace->bound * largest <= (float)T2_TOLERANCE * (1 - largest)))
        return 0;
    for (size k = 0; k < GROUP && group + k < job->trait_count; k++) {
        job->trait_ss[variant * job->trait_count + group + k] = 1.0f - squares[k] - share * squares[k];
        job->cross_product[variant * job->stride + group + k] += products[k];
    }
    return 1;
}

/* All traits of one variant. */
TARGET static void NAME(adjust_variant)(const adjust_t *job, NAME(workspace) *workspace, size missing, int by_sample,
                                        size variant) {
    int has_weights = 0, use_approximation = !by_sample && !job->is_thorough;
    if (use_approximation)
        NAME(cross_product_weights)(workspace, missing);
    for (size group = 0; group < job->padded_count; group += GROUP) {
        if (use_approximation && NAME(approximate)(job, workspace, missing, variant, group))
            continue;
        if (!has_weights)
            NAME(make_weights)(workspace, missing, by_sample);
        has_weights = 1;
        NAME(exact)(job, workspace, missing, by_sample, variant, group);
    }
}

static size NAME(max_missing)(const int64_t *missing, size variants) {
    int64_t most = 0;
    for (size variant = 0; variant < variants; variant++)
        most = missing[variant] > most ? missing[variant] : most;
    return (size)most;
}

TARGET static int NAME(adjust_missing)(const adjust_t *job) {
    NAME(workspace) workspace;
    int ready = NAME(reserve)(&workspace, job->rank, NAME(max_missing)(job->missing, job->variants));
    for (size variant = 0; ready && variant < job->variants; variant++) {
        float *trait_ss = job->trait_ss + variant * job->trait_count;
        for (size k = 0; k < job->trait_count; k++)
            trait_ss[k] = 1;
        if (job->missing[variant] == 0)
            continue;
        const double *projection = job->projection + variant * job->rank;
        const uint64_t *words = (const uint64_t *)job->packed + variant * job->words;
        size missing = NAME(gather)(&workspace, words, job->words, job->basis);
        int by_sample = missing <= job->rank;
        job->projected_ss[variant] += NAME(change)(&workspace, missing, by_sample, projection, job->rank);
        if (!isfinite(job->projected_ss[variant]))
            continue;
        NAME(adjust_variant)(job, &workspace, missing, by_sample, variant);
    }
    NAME(release)(&workspace);
    return ready;
}

#undef HIGH
