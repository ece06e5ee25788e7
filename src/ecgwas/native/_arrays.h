/* Arrays that Python gives: what a function expects of each, and what they say of their sizes.
 *
 * No size is passed beside an array. The first array that has a length sets it, and the others must agree; a length that
 * follows from others is stated with the argument that it follows from. What does not fit is refused: the error names the
 * argument, what was expected and what was found. After the first error the rest of a call's arrays are not looked at.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#define MOST_ARRAYS 10
#define MOST_DIMENSIONS 3
#define TEXT_BYTES 240

typedef struct {
    Py_buffer views[MOST_ARRAYS];
    int count;
    int has_failed; /* a Python exception is set */
} arrays_t;

/* What dimensions of several arrays have in common. */
typedef struct {
    const char *name; /* NULL where the number speaks for itself */
    const char *from; /* the argument that sets it; NULL: none has yet */
    size value;
} length_t;

#define EXACTLY(number) (&(length_t){NULL, "", number})

/* What an array must be. Contiguous by rows, too. */
typedef struct {
    const char *name, *numbers; /* f float, u unsigned or bool, i signed; and their bytes */
    int is_written;
    size alignment; /* of its memory, in bytes; 0: that of its numbers */
    length_t *shape[MOST_DIMENSIONS];
} expected_t;

#define INPUT(name, numbers, ...)                                                                                              \
    (expected_t) {                                                                                                             \
        name, numbers, 0, 0, {                                                                                                 \
            __VA_ARGS__                                                                                                        \
        }                                                                                                                      \
    }
#define OUTPUT(name, numbers, ...)                                                                                             \
    (expected_t) {                                                                                                             \
        name, numbers, 1, 0, {                                                                                                 \
            __VA_ARGS__                                                                                                        \
        }                                                                                                                      \
    }
#define ALIGNED(name, numbers, is_written, alignment, ...)                                                                     \
    (expected_t) {                                                                                                             \
        name, numbers, is_written, alignment, {                                                                                \
            __VA_ARGS__                                                                                                        \
        }                                                                                                                      \
    }

/* Appends to `text` (TEXT_BYTES,); what there is no room for is left out. */
__attribute__((format(printf, 2, 3))) static void append(char *text, const char *format, ...) {
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, TEXT_BYTES - used, format, arguments);
    va_end(arguments);
}

/* f, u or i for the format of a buffer (PEP 3118); 0 for anything else: other byte orders, records, complex numbers. */
static char kind_of(const char *format) {
    if (format == NULL)
        return 'u';
    if (*format == '@' || *format == '=' || *format == (PY_LITTLE_ENDIAN ? '<' : '>'))
        format++;
    if (*format == 0 || format[1] != 0)
        return 0;
    if (strchr("fd", *format))
        return 'f';
    if (strchr("?BHILQ", *format))
        return 'u';
    return strchr("bhilq", *format) ? 'i' : 0;
}

/* Appends NumPy's name of a number format. */
static void append_numbers(char *text, char kind, size bytes) {
    append(text, "%s%d", kind == 'f' ? "float" : kind == 'u' ? "uint" : "int", (int)(bytes * CHAR_BIT));
}

static void append_expected_numbers(char *text, const expected_t *expected) {
    append_numbers(text, expected->numbers[0], expected->numbers[1] - '0');
}

/* The buffer of an object. Sets a TypeError and returns 0 if it has none. */
static int has_buffer(PyObject *given, Py_buffer *view, const expected_t *expected) {
    char numbers[TEXT_BYTES] = "";
    int is_array = PyObject_CheckBuffer(given);
    if (is_array && PyObject_GetBuffer(given, view, PyBUF_RECORDS_RO) == 0)
        return 1;
    PyErr_Clear();
    append_expected_numbers(numbers, expected);
    PyObject *type = PyType_GetName(Py_TYPE(given));
    if (type != NULL)
        PyErr_Format(PyExc_TypeError, "%s: %U%s, expected an array of %s", expected->name, type,
                     is_array ? " that holds no numbers" : "", numbers);
    Py_XDECREF(type);
    return 0;
}

static int has_numbers(const Py_buffer *view, const expected_t *expected) {
    char kind = kind_of(view->format), found[TEXT_BYTES] = "", wanted[TEXT_BYTES] = "";
    if (kind == expected->numbers[0] && view->itemsize == expected->numbers[1] - '0')
        return 1;
    if (kind)
        append_numbers(found, kind, view->itemsize);
    else
        append(found, "format %s", view->format);
    append_expected_numbers(wanted, expected);
    PyErr_Format(PyExc_TypeError, "%s: %s, expected %s", expected->name, found, wanted);
    return 0;
}

/* Sets a ValueError that tells both shapes, and of each length expected where it comes from. */
static void refuse_shape(const Py_buffer *view, const expected_t *expected) {
    char found[TEXT_BYTES] = "", wanted[TEXT_BYTES] = "";
    for (int i = 0; i < view->ndim; i++)
        append(found, i ? ", %zd" : "%zd", view->shape[i]);
    for (int i = 0; i < MOST_DIMENSIONS && expected->shape[i]; i++) {
        const length_t *length = expected->shape[i];
        append(wanted, "%s%s", i ? ", " : "", length->name ? length->name : "");
        if (length->name == NULL)
            append(wanted, "%zd", length->value);
        else if (length->from != NULL)
            append(wanted, " = %zd from %s", length->value, length->from);
    }
    PyErr_Format(PyExc_ValueError, "%s: shape (%s), expected (%s)", expected->name, found, wanted);
}

/* Sets the lengths that are not known yet. */
static int has_shape(const Py_buffer *view, const expected_t *expected) {
    int dimensions = 0;
    while (dimensions < MOST_DIMENSIONS && expected->shape[dimensions])
        dimensions++;
    int is_same = view->ndim == dimensions;
    for (int i = 0; is_same && i < dimensions; i++)
        is_same = expected->shape[i]->from == NULL || expected->shape[i]->value == view->shape[i];
    if (!is_same) {
        refuse_shape(view, expected);
        return 0;
    }
    for (int i = 0; i < dimensions; i++)
        if (expected->shape[i]->from == NULL)
            *expected->shape[i] = (length_t){expected->shape[i]->name, expected->name, view->shape[i]};
    return 1;
}

static int has_memory(const Py_buffer *view, const expected_t *expected) {
    size alignment = expected->alignment ? expected->alignment : view->itemsize;
    if (!PyBuffer_IsContiguous(view, 'C'))
        PyErr_Format(PyExc_ValueError, "%s: not contiguous, expected rows one after the other", expected->name);
    else if (view->len && (uintptr_t)view->buf % (uintptr_t)alignment != 0)
        PyErr_Format(PyExc_ValueError, "%s: not aligned, expected memory from a multiple of %zd bytes", expected->name,
                     alignment);
    else if (expected->is_written && view->readonly)
        PyErr_Format(PyExc_ValueError, "%s: read-only, expected an array to write to", expected->name);
    else
        return 1;
    return 0;
}

/* The memory of an array, valid until `finish`; NULL if it is not as expected: it would be misread, or read beyond its end. */
static void *array(arrays_t *arrays, PyObject *given, expected_t expected) {
    Py_buffer *view = &arrays->views[arrays->count];
    if (arrays->has_failed)
        return NULL;
    if (!has_buffer(given, view, &expected)) {
        arrays->has_failed = 1;
        return NULL;
    }
    arrays->count++;
    if (has_numbers(view, &expected) && has_shape(view, &expected) && has_memory(view, &expected))
        return view->buf;
    arrays->has_failed = 1;
    return NULL;
}

/* Sets a ValueError of these words unless `holds`, or unless the call has failed before. */
__attribute__((format(printf, 3, 4))) static void expect(arrays_t *arrays, int holds, const char *format, ...) {
    if (arrays->has_failed || holds)
        return;
    va_list arguments;
    va_start(arguments, format);
    PyErr_FormatV(PyExc_ValueError, format, arguments);
    va_end(arguments);
    arrays->has_failed = 1;
}

/* Ends a call. Returns 0 if an exception is set: that of its arrays, or MemoryError unless there was memory for its work. */
static int finish(arrays_t *arrays, int had_memory) {
    for (int i = 0; i < arrays->count; i++)
        PyBuffer_Release(&arrays->views[i]);
    if (!arrays->has_failed && !had_memory)
        PyErr_NoMemory();
    return !arrays->has_failed && had_memory;
}
