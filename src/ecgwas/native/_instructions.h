/* The bodies, compiled for each instruction set, and which of them are used on this machine. */
#define GLUE(a, b) a##_##b
#define GLUED(a, b) GLUE(a, b)
#define NAME(a) GLUED(a, SET)
#define QUOTE(a) #a
#define TEXT(a) QUOTE(a)

/* The widest vectors that each has. Vectors wider than the machine's would be kept in memory by the compiler instead of in
 * registers. */
#define VECTOR_POPCOUNT 0
#define VECTOR 4
#define SET baseline
#define TARGET
#include "_bodies.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define VECTOR 8
#define SET avx2
#define TARGET __attribute__((target("avx2,bmi,bmi2,popcnt")))
#include "_bodies.h"

#define VECTOR 16
#define SET avx512f
#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,bmi,bmi2,popcnt")))
#include "_bodies.h"

/* The same but for counts of bits, for which it has an instruction. */
#undef VECTOR_POPCOUNT
#define VECTOR_POPCOUNT 1
#define VECTOR 16
#define SET avx512vpopcntdq
#define TARGET __attribute__((target("avx512vpopcntdq,avx512f,avx512vl,avx512dq,avx512bw,avx2,bmi,bmi2,popcnt")))
#include "_kinship_body.h"

static const kernels_t kernels_avx512vpopcntdq = {TEXT(SET),     products_avx512f,    prepare_avx512f,  adjust_missing_avx512f,
                                                  tests_avx512f, refit_exact_avx512f, NAME(open_strip), NAME(add_strip)};
#endif

static const kernels_t *kernel_sets[] = {
#if defined(__x86_64__)
    &kernels_avx512vpopcntdq,
    &kernels_avx512f,
    &kernels_avx2,
#endif
    &kernels_baseline,
};
static const kernels_t *active = &kernels_baseline;

#define SET_COUNT ((int)(sizeof kernel_sets / sizeof *kernel_sets))

static int runs_here(const kernels_t *set) {
    (void)set;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (set == &kernels_avx512vpopcntdq)
        return runs_here(&kernels_avx512f) && __builtin_cpu_supports("avx512vpopcntdq");
    if (set == &kernels_avx512f)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("bmi2");
    if (set == &kernels_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
#endif
    return 1;
}

static void choose_widest(void) {
    for (int i = SET_COUNT - 1; i >= 0; i--)
        if (runs_here(kernel_sets[i]))
            active = kernel_sets[i];
}

/* Returns 0 if this machine has no instruction set of that name. */
static int choose_named(const char *name) {
    for (int i = 0; i < SET_COUNT; i++) {
        if (strcmp(kernel_sets[i]->name, name) == 0 && runs_here(kernel_sets[i])) {
            active = kernel_sets[i];
            return 1;
        }
    }
    return 0;
}
