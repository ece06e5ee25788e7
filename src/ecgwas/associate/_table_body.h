/* Body of the table kernel; included once per instruction set with VECTOR (floats), WORK (name) and TARGET (attribute). */
#define PARTS (LANES / VECTOR)
#define GLUE(a, b) a##_##b
#define NAME(a, b) GLUE(a, b)

typedef float NAME(vector, WORK) __attribute__((vector_size(4 * VECTOR)));

/* Rows of `count` bytes' tables: row b of a byte is the sum over its four people of copies times columns. */
TARGET static void NAME(tables, WORK)(lanes_t *tables, const float *people, Py_ssize_t count) {
    for (Py_ssize_t byte = 0; byte < count; byte++) {
        for (int part = 0; part < PARTS; part++) {
            NAME(vector, WORK) *rows = (NAME(vector, WORK) *)(tables + byte * ROWS) + part;
            rows[0] = (NAME(vector, WORK)){0};
            int filled = 1;
            for (int person = 0; person < 4; person++) {
                NAME(vector, WORK) one;
                memcpy(&one, people + (byte * 4 + person) * LANES + part * VECTOR, sizeof one);
                NAME(vector, WORK) two = one + one;
                for (int row = 0; row < filled; row++) {
                    NAME(vector, WORK) base = rows[row * PARTS];
                    rows[(filled + row) * PARTS] = base + one;
                    rows[(2 * filled + row) * PARTS] = base + two;
                    rows[(3 * filled + row) * PARTS] = base;
                }
                filled *= 4;
            }
        }
    }
}

/* Which table rows each variant needs of bytes start .. start + count. */
TARGET static void NAME(lists, WORK)(const job_t *job, Py_ssize_t start, Py_ssize_t count) {
    for (Py_ssize_t variant = 0; variant < job->variants; variant++) {
        const uint8_t *bytes = job->packed + variant * job->stride + start;
        uint16_t *list = job->lists + variant * CHUNK;
        int length = 0;
        for (Py_ssize_t byte = 0; byte < count; byte++) {
            list[length] = (uint16_t)(byte * ROWS + bytes[byte]);
            length += bytes[byte] != 0;
        }
        job->lengths[variant] = (uint8_t)length;
    }
}

TARGET static void NAME(add, WORK)(const job_t *job, lanes_t *sums) {
    for (Py_ssize_t variant = 0; variant < job->variants; variant++) {
        const uint16_t *list = job->lists + variant * CHUNK;
        int length = job->lengths[variant], i = 0;
        NAME(vector, WORK) even[PARTS] = {{0}}, odd[PARTS] = {{0}};
        for (; i + 1 < length; i += 2) {
            const NAME(vector, WORK) *first = (const NAME(vector, WORK) *)(job->tables + list[i]);
            const NAME(vector, WORK) *second = (const NAME(vector, WORK) *)(job->tables + list[i + 1]);
            for (int part = 0; part < PARTS; part++) {
                even[part] += first[part];
                odd[part] += second[part];
            }
        }
        if (i < length) {
            const NAME(vector, WORK) *last = (const NAME(vector, WORK) *)(job->tables + list[i]);
            for (int part = 0; part < PARTS; part++)
                even[part] += last[part];
        }
        NAME(vector, WORK) *sum = (NAME(vector, WORK) *)(sums + variant);
        for (int part = 0; part < PARTS; part++)
            sum[part] += even[part] + odd[part];
    }
}

TARGET static void WORK(const job_t *job) {
    memset(job->sums, 0, (size_t)(job->tile_count * job->variants) * sizeof(lanes_t));
    for (Py_ssize_t start = 0; start < job->bytes; start += CHUNK) {
        Py_ssize_t count = job->bytes - start < CHUNK ? job->bytes - start : CHUNK;
        NAME(lists, WORK)(job, start, count);
        for (Py_ssize_t tile = 0; tile < job->tile_count; tile++) {
            NAME(tables, WORK)(job->tables, job->tiles + (tile * job->bytes + start) * 4 * LANES, count);
            NAME(add, WORK)(job, job->sums + tile * job->variants);
        }
    }
    for (Py_ssize_t variant = 0; variant < job->variants; variant++)
        for (Py_ssize_t tile = 0; tile < job->tile_count; tile++)
            memcpy(job->out + (variant * job->tile_count + tile) * LANES, job->sums + tile * job->variants + variant,
                   sizeof(lanes_t));
}

#undef PARTS
#undef GLUE
#undef NAME
#undef VECTOR
#undef WORK
#undef TARGET
