/* The functions that Python calls: each takes its arrays, checks them, and runs a body without the interpreter's lock. */

/* Bytes of packed genotypes, in whole words. */
static length_t packed_bytes_of(const char *from, size people) {
    return (length_t){"bytes", from, ROUNDED((people + PEOPLE_PER_BYTE - 1) / PEOPLE_PER_BYTE, WORD_BYTES)};
}

/* Aligned, since it is read and written in words. */
static uint8_t *packed_of(arrays_t *arrays, PyObject *given, int is_written, length_t *variants, length_t *bytes) {
    return array(arrays, given, ALIGNED("packed", "u1", is_written, WORD_BYTES, variants, bytes));
}

/* Aligned, since it is read in whole vectors. The rank is at least 1 and at most the number of people. */
static const double *basis_of(arrays_t *arrays, PyObject *given, length_t *people, const char *from, size rank) {
    expect(arrays, rank >= 1 && rank <= INT32_MAX, "%s: rank %zd, expected 1 or more", from, rank);
    length_t columns = {"columns", from, arrays->has_failed ? 0 : WIDE(rank)};
    const double *basis = array(arrays, given, ALIGNED("basis", "f8", 0, CACHE_LINE, people, &columns));
    expect(arrays, rank <= people->value, "%s: rank %zd, expected at most the %zd people of basis", from, rank, people->value);
    return basis;
}

static void check_missing(arrays_t *arrays, const int64_t *missing, size variants, size people) {
    for (size variant = 0; !arrays->has_failed && variant < variants; variant++)
        expect(arrays, missing[variant] >= 0 && missing[variant] <= people,
               "missing: %lld calls of variant %zd, expected 0 to the %zd people of basis", (long long)missing[variant],
               variant, people);
}

/* Bits beyond the last person would be read as people who are not there. */
static void check_padding(arrays_t *arrays, const uint8_t *packed, size variant, size words, size people) {
    if (arrays->has_failed || people % PEOPLE_PER_WORD == 0)
        return;
    uint64_t last = word_at(packed + ((variant + 1) * words - 1) * WORD_BYTES, WORD_BYTES);
    expect(arrays, last >> 2 * (people % PEOPLE_PER_WORD) == 0,
           "packed: variant %zd has bits beyond the last person, expected none but for the %zd people of basis", variant,
           people);
}

/* Packed genotypes and the tiles that they are multiplied with. */
static void take_products(arrays_t *arrays, products_t *job, PyObject *packed, PyObject *tiles, length_t *variants,
                          length_t *tile_count) {
    length_t people = {.name = "people"};
    job->tiles = array(arrays, tiles, INPUT("tiles", "f4", tile_count, &people, EXACTLY(LANES)));
    expect(arrays, people.value > 0 && people.value % PEOPLE_PER_BYTE == 0, "tiles: %zd people, expected a multiple of %d",
           people.value, PEOPLE_PER_BYTE);
    length_t bytes = packed_bytes_of("tiles", people.value);
    job->packed = packed_of(arrays, packed, 0, variants, &bytes);
    job->variants = variants->value;
    job->stride = bytes.value;
    job->bytes = people.value / PEOPLE_PER_BYTE;
    job->tile_count = tile_count->value;
}

/* They can be kept only for people whose bytes make one panel. */
static void check_panel(arrays_t *arrays, const products_t *job) {
    expect(arrays, job->bytes <= PANEL * CHUNK, "tiles: %zd people, expected at most %d where row lists are kept",
           job->bytes * PEOPLE_PER_BYTE, PANEL * CHUNK * PEOPLE_PER_BYTE);
}

/* Memory for the row lists of all strips, or what it holds; nothing for None. */
static void take_row_lists(arrays_t *arrays, products_t *job, PyObject *given, int is_written) {
    if (arrays->has_failed || given == Py_None)
        return;
    length_t bytes = {.name = "bytes"};
    check_panel(arrays, job);
    job->row_lists = array(arrays, given, ALIGNED("row_lists", "u1", is_written, WORD_BYTES, &bytes));
    size needed = arrays->has_failed ? 0 : row_list_bytes_of(job);
    expect(arrays, bytes.value >= needed, "row_lists: %zd bytes, expected %zd as row_list_bytes says", bytes.value, needed);
    if (arrays->has_failed || is_written)
        return;
    job->has_row_lists = describes((const row_lists_head_t *)job->row_lists, job);
    expect(arrays, job->has_row_lists, "row_lists: of other genotypes, expected what products wrote for packed");
}

static PyObject *row_list_bytes(PyObject *self, PyObject *args) {
    PyObject *packed, *tiles;
    products_t job = {0};
    arrays_t arrays = {.count = 0};
    length_t variants = {.name = "variants"}, tile_count = {.name = "tiles"};
    (void)self;
    if (!PyArg_ParseTuple(args, "OO:row_list_bytes", &packed, &tiles))
        return NULL;
    take_products(&arrays, &job, packed, tiles, &variants, &tile_count);
    check_panel(&arrays, &job);
    return finish(&arrays, 1) ? PyLong_FromSsize_t(row_list_bytes_of(&job)) : NULL;
}

static PyObject *products(PyObject *self, PyObject *args) {
    PyObject *packed, *tiles, *out, *row_lists;
    products_t job = {0};
    arrays_t arrays = {.count = 0};
    length_t variants = {.name = "variants"}, tile_count = {.name = "tiles"};
    int ready = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOO:products", &packed, &tiles, &out, &row_lists))
        return NULL;
    take_products(&arrays, &job, packed, tiles, &variants, &tile_count);
    length_t columns = {"columns", "tiles", job.tile_count * LANES};
    job.out = array(&arrays, out, OUTPUT("out", "f4", &variants, &columns));
    take_row_lists(&arrays, &job, row_lists, 1);
    if (!arrays.has_failed) {
        Py_BEGIN_ALLOW_THREADS
        ready = run_products(&job);
        Py_END_ALLOW_THREADS
    }
    return finish(&arrays, ready) ? Py_NewRef(Py_None) : NULL;
}

/* How many people `keep` selects, who must be people of the source. */
static size selected_of(arrays_t *arrays, const uint64_t *keep, size words, size source_bytes) {
    size bits = 0;
    for (size w = 0; !arrays->has_failed && w < words; w++) {
        size there = source_bytes - w * WORD_BYTES;
        uint64_t beyond = there < WORD_BYTES ? keep[w] >> CHAR_BIT * there : 0;
        expect(arrays, !beyond && !((keep[w] ^ keep[w] >> 1) & LOW_BITS),
               "keep: word %zd, expected both bits of each person selected and none beyond the %zd bytes of source", w,
               source_bytes);
        bits += __builtin_popcountll(keep[w]);
    }
    return bits / 2;
}

static PyObject *prepare(PyObject *self, PyObject *args) {
    PyObject *source, *keep, *packed, *counts;
    prepare_t job = {0};
    arrays_t arrays = {.count = 0};
    length_t variants = {.name = "variants"}, source_bytes = {.name = "bytes"};
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOO:prepare", &source, &keep, &packed, &counts))
        return NULL;
    job.source = array(&arrays, source, INPUT("source", "u1", &variants, &source_bytes));
    length_t words = {"words", "source", (source_bytes.value + WORD_BYTES - 1) / WORD_BYTES};
    job.keep = array(&arrays, keep, INPUT("keep", "u8", &words));
    job.people = selected_of(&arrays, job.keep, words.value, source_bytes.value);
    length_t bytes = packed_bytes_of("keep", job.people);
    job.packed = packed_of(&arrays, packed, 1, &variants, &bytes);
    job.counts = array(&arrays, counts, OUTPUT("counts", "i8", EXACTLY(4), &variants));
    job.variants = variants.value;
    job.stride = source_bytes.value;
    job.source_words = words.value;
    job.words = bytes.value / WORD_BYTES;
    if (!arrays.has_failed) {
        Py_BEGIN_ALLOW_THREADS
        active->prepare(&job);
        Py_END_ALLOW_THREADS
    }
    return finish(&arrays, 1) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *adjust_missing(PyObject *self, PyObject *args) {
    PyObject *packed, *basis, *traits, *projection, *missing, *projected_ss, *cross_product, *trait_ss;
    adjust_t job = {0};
    arrays_t arrays = {.count = 0};
    length_t people = {.name = "people"}, variants = {.name = "variants"}, rank = {.name = "rank"};
    length_t trait_count = {.name = "traits"}, stride = {.name = "columns"};
    int ready = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOOOOp:adjust_missing", &packed, &basis, &traits, &projection, &missing, &projected_ss,
                          &cross_product, &trait_ss, &job.is_thorough))
        return NULL;
    job.projection = array(&arrays, projection, INPUT("projection", "f8", &variants, &rank));
    job.basis = basis_of(&arrays, basis, &people, "projection", rank.value);
    length_t bytes = packed_bytes_of("basis", people.value);
    job.packed = packed_of(&arrays, packed, 0, &variants, &bytes);
    job.missing = array(&arrays, missing, INPUT("missing", "i8", &variants));
    job.projected_ss = array(&arrays, projected_ss, OUTPUT("projected_ss", "f8", &variants));
    job.trait_ss = array(&arrays, trait_ss, OUTPUT("trait_ss", "f4", &variants, &trait_count));
    length_t padded = {"columns", "trait_ss", ROUNDED(trait_count.value, GROUP)};
    job.traits = array(&arrays, traits, INPUT("traits", "f4", &people, &padded));
    job.cross_product = array(&arrays, cross_product, OUTPUT("cross_product", "f4", &variants, &stride));
    expect(&arrays, stride.value >= trait_count.value, "cross_product: %zd columns, expected the %zd of trait_ss or more",
           stride.value, trait_count.value);
    check_missing(&arrays, job.missing, variants.value, people.value);
    job.variants = variants.value;
    job.words = bytes.value / WORD_BYTES;
    job.rank = rank.value;
    job.trait_count = trait_count.value;
    job.padded_count = padded.value;
    job.stride = stride.value;
    for (size variant = 0; !arrays.has_failed && variant < job.variants; variant++)
        if (job.missing[variant])
            check_padding(&arrays, job.packed, variant, job.words, people.value);
    if (!arrays.has_failed) {
        Py_BEGIN_ALLOW_THREADS
        ready = active->adjust_missing(&job);
        Py_END_ALLOW_THREADS
    }
    return finish(&arrays, ready) ? Py_NewRef(Py_None) : NULL;
}

/* Also true of -0: it would make t squared -infinity. */
static int is_negative(float number) {
    return number < 0 || (number == 0 && signbit(number));
}

/* What tests are computed from but for the products; t squared that is less than 0 would have no bin. */
static void take_tests(arrays_t *arrays, tests_t *job, PyObject *const *given, length_t *variants, length_t *trait_count) {
    length_t bins = {.name = "bins"}, capacity = {.name = "candidates"};
    job->genotype_ss = array(arrays, given[0], INPUT("genotype_ss", "f4", variants));
    job->df = array(arrays, given[1], INPUT("df", "f4", variants));
    job->min_t2 = array(arrays, given[2], INPUT("min_t2", "f4", variants));
    job->testable = array(arrays, given[3], INPUT("testable", "u1", variants));
    job->t2_histogram = array(arrays, given[4], OUTPUT("t2_histogram", "u4", trait_count, &bins));
    job->candidates = array(arrays, given[5], OUTPUT("candidates", "i4", &capacity, EXACTLY(2)));
    expect(arrays, bins.value >= 1 && bins.value <= MOST_BINS, "t2_histogram: %zd bins, expected 1 to %d", bins.value,
           MOST_BINS);
    expect(arrays, variants->value <= INT32_MAX && trait_count->value <= INT32_MAX,
           "t2_histogram: %zd variants and %zd traits, expected numbers of 32 bits", variants->value, trait_count->value);
    for (size variant = 0; !arrays->has_failed && variant < variants->value; variant++) {
        if (!job->testable[variant])
            continue;
        expect(arrays, !is_negative(job->genotype_ss[variant]), "genotype_ss: variant %zd below 0, expected 0 or more",
               variant);
        expect(arrays, !is_negative(job->df[variant]), "df: variant %zd below 0, expected 0 or more", variant);
    }
    job->variants = variants->value;
    job->trait_count = trait_count->value;
    job->bins = bins.value;
    job->capacity = capacity.value;
}

static PyObject *tests(PyObject *self, PyObject *args) {
    PyObject *cross_product, *trait_ss, *given[6];
    tests_t job = {0};
    arrays_t arrays = {.count = 0};
    length_t variants = {.name = "variants"}, trait_count = {.name = "traits"}, stride = {.name = "columns"};
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOOOO:tests", &cross_product, &given[0], &given[1], &given[2], &given[3], &trait_ss,
                          &given[4], &given[5]))
        return NULL;
    job.cross_product = array(&arrays, cross_product, INPUT("cross_product", "f4", &variants, &stride));
    take_tests(&arrays, &job, given, &variants, &trait_count);
    if (trait_ss != Py_None)
        job.trait_ss = array(&arrays, trait_ss, INPUT("trait_ss", "f4", &variants, &trait_count));
    expect(&arrays, stride.value >= trait_count.value, "cross_product: %zd columns, expected the %zd of t2_histogram or more",
           stride.value, trait_count.value);
    job.stride = stride.value;
    if (!arrays.has_failed) {
        Py_BEGIN_ALLOW_THREADS
        active->tests(&job);
        Py_END_ALLOW_THREADS
    }
    return finish(&arrays, 1) ? PyLong_FromSsize_t(job.candidate_count) : NULL;
}

static PyObject *products_and_tests(PyObject *self, PyObject *args) {
    PyObject *packed, *tiles, *row_lists, *given[6];
    products_t job = {0};
    tests_t tests = {0};
    arrays_t arrays = {.count = 0};
    length_t variants = {.name = "variants"}, tile_count = {.name = "tiles"}, trait_count = {.name = "traits"};
    int ready = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOOOOOOO:products_and_tests", &packed, &tiles, &row_lists, &given[0], &given[1], &given[2],
                          &given[3], &given[4], &given[5]))
        return NULL;
    take_products(&arrays, &job, packed, tiles, &variants, &tile_count);
    take_row_lists(&arrays, &job, row_lists, 0);
    take_tests(&arrays, &tests, given, &variants, &trait_count);
    expect(&arrays, ROUNDED(trait_count.value, LANES) == job.tile_count * LANES,
           "t2_histogram: %zd traits, expected as many as fill the %zd tiles of %d", trait_count.value, job.tile_count, LANES);
    job.tests = &tests;
    if (!arrays.has_failed) {
        Py_BEGIN_ALLOW_THREADS
        ready = run_products(&job);
        Py_END_ALLOW_THREADS
    }
    return finish(&arrays, ready) ? PyLong_FromSsize_t(tests.candidate_count) : NULL;
}

/* Candidates lie inside the arrays, and so do the people of their variants. */
static void check_candidates(arrays_t *arrays, const refit_t *job, size trait_count) {
    for (size hit = 0; !arrays->has_failed && hit < job->hits; hit++) {
        int32_t variant = job->candidates[2 * hit], trait = job->candidates[2 * hit + 1];
        expect(arrays, variant >= 0 && variant < job->variants && trait >= 0 && trait < trait_count,
               "candidates: row %zd is variant %d, trait %d, expected less than the %zd of packed and the %zd of traits", hit,
               (int)variant, (int)trait, job->variants, trait_count);
        if (!arrays->has_failed)
            check_padding(arrays, job->packed, variant, job->words, job->people);
    }
}

static PyObject *refit_exact(PyObject *self, PyObject *args) {
    PyObject *packed, *basis, *traits, *candidates, *missing, *raw_ss, *sums;
    refit_t job = {0};
    arrays_t arrays = {.count = 0};
    length_t people = {.name = "people"}, variants = {.name = "variants"};
    length_t trait_count = {.name = "traits"}, hits = {.name = "candidates"};
    int ready = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOnOOOOO:refit_exact", &packed, &basis, &job.rank, &traits, &candidates, &missing, &raw_ss,
                          &sums))
        return NULL;
    job.basis = basis_of(&arrays, basis, &people, "rank", job.rank);
    length_t bytes = packed_bytes_of("basis", people.value);
    job.packed = packed_of(&arrays, packed, 0, &variants, &bytes);
    job.traits = array(&arrays, traits, INPUT("traits", "f8", &trait_count, &people));
    job.candidates = array(&arrays, candidates, INPUT("candidates", "i4", &hits, EXACTLY(2)));
    job.missing = array(&arrays, missing, INPUT("missing", "i8", &variants));
    job.raw_ss = array(&arrays, raw_ss, INPUT("raw_ss", "f8", &variants));
    job.sums = array(&arrays, sums, OUTPUT("sums", "f8", &hits, EXACTLY(3)));
    job.variants = variants.value;
    job.words = bytes.value / WORD_BYTES;
    job.people = people.value;
    job.hits = hits.value;
    check_missing(&arrays, job.missing, variants.value, people.value);
    check_candidates(&arrays, &job, trait_count.value);
    if (!arrays.has_failed) {
        Py_BEGIN_ALLOW_THREADS
        ready = active->refit_exact(&job);
        Py_END_ALLOW_THREADS
    }
    return finish(&arrays, ready) ? Py_NewRef(Py_None) : NULL;
}

/* Calls beyond a strip's variants are padding, which must be missing. Only their number is checked: others are counted. */
static void check_strips(arrays_t *arrays, const related_t *job) {
    expect(arrays, job->words % (CACHE_LINE / WORD_BYTES) == 0 && job->words <= KIN_WORDS,
           "calls: %zd words of a strip, expected a multiple of %d up to %d", job->words, CACHE_LINE / WORD_BYTES, KIN_WORDS);
    expect(arrays, job->people <= INT32_MAX && job->strips <= INT32_MAX / (KIN_WORDS * CALLS_PER_WORD),
           "calls: %zd people and %zd strips, expected fewer", job->people, job->strips);
    for (size strip = 0; !arrays->has_failed && strip < job->strips; strip++)
        expect(arrays, job->variants[strip] >= 0 && job->variants[strip] <= CALLS_PER_WORD * job->words,
               "variants: %lld of strip %zd, expected 0 to the %zd that fit in calls", (long long)job->variants[strip], strip,
               CALLS_PER_WORD * job->words);
    expect(arrays, job->begin >= 0 && job->begin <= job->end && job->end <= job->people,
           "begin: people from %zd to %zd, expected 0 to the %zd of calls", job->begin, job->end, job->people);
}

static PyObject *related(PyObject *self, PyObject *args) {
    PyObject *calls, *variants, *min_kinship, *pairs, *counts;
    related_t job = {0};
    arrays_t arrays = {.count = 0};
    length_t people = {.name = "people"}, strips = {.name = "strips"}, width = {.name = "words"}, capacity = {.name = "pairs"};
    int ready = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "OOOnnOO:related", &calls, &variants, &min_kinship, &job.begin, &job.end, &pairs, &counts))
        return NULL;
    job.calls = array(&arrays, calls, INPUT("calls", "u8", &people, &strips, &width));
    expect(&arrays, width.value % 2 == 0 && width.value > 0 && strips.value > 0,
           "calls: %zd strips of %zd words, expected both bits of 1 or more", strips.value, width.value);
    job.variants = array(&arrays, variants, INPUT("variants", "i8", &strips));
    job.min_kinship = array(&arrays, min_kinship, INPUT("min_kinship", "f8", &strips));
    job.pairs = array(&arrays, pairs, OUTPUT("pairs", "i4", &capacity, EXACTLY(2)));
    job.counts = array(&arrays, counts, OUTPUT("counts", "i4", &capacity, EXACTLY(KIN_COUNTS)));
    job.people = people.value;
    job.strips = strips.value;
    job.words = width.value / 2;
    job.capacity = capacity.value;
    check_strips(&arrays, &job);
    if (!arrays.has_failed) {
        Py_BEGIN_ALLOW_THREADS
        ready = run_related(&job);
        Py_END_ALLOW_THREADS
    }
    return finish(&arrays, ready) ? PyLong_FromSsize_t(job.pair_count) : NULL;
}

static PyObject *instructions(PyObject *self, PyObject *args) {
    const char *wanted = NULL;
    (void)self;
    if (!PyArg_ParseTuple(args, "|z:instructions", &wanted))
        return NULL;
    if (wanted != NULL && !choose_named(wanted))
        return PyErr_Format(PyExc_ValueError, "this machine has no instruction set %s", wanted);
    return PyUnicode_FromString(active->name);
}
