/* vectors: the files tests/vectors/NAME.txt. Blocks of "name: value" lines with empty lines between
 * them; lines that begin with # are for people. */
#ifndef KURA_TESTS_VECTORS_H
#define KURA_TESTS_VECTORS_H

#include "kura/base.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTOR_LINE 4096
#define VECTOR_FIELDS 12
#define VECTOR_BYTES 1024

struct vector {
    char fields[VECTOR_FIELDS][VECTOR_LINE];
    size_t count;
};

static inline FILE *vectors_open(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/vectors/%s.txt", KURA_TESTS, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    return file;
}

/* The next block; false at the end of the file. */
static inline bool vectors_next(FILE *file, struct vector *vector)
{
    char line[VECTOR_LINE];
    vector->count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        assert_non_null(strchr(line, '\n'));
        *strchr(line, '\n') = '\0';
        if (line[0] == '\0' && vector->count > 0) {
            return true;
        }
        if (line[0] != '\0' && line[0] != '#') {
            assert_true(vector->count < VECTOR_FIELDS);
            memcpy(vector->fields[vector->count++], line, strlen(line) + 1);
        }
    }
    return vector->count > 0;
}

/* NULL: the block has no such line. */
static inline const char *vector_find(const struct vector *vector, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < vector->count; i++) {
        const char *field = vector->fields[i];
        if (strncmp(field, name, size) == 0 && field[size] == ':') {
            return field + size + 1 + (field[size + 1] == ' ');
        }
    }
    return NULL;
}

static inline const char *vector_text(const struct vector *vector, const char *name)
{
    const char *text = vector_find(vector, name);
    if (text == NULL) {
        fail_msg("%s: no line \"%s\"", vector->fields[0], name);
    }
    return text;
}

static inline uint64_t vector_number(const struct vector *vector, const char *name)
{
    return strtoull(vector_text(vector, name), NULL, 10);
}

struct vector_bytes {
    unsigned char at[VECTOR_BYTES];
    size_t size;
};

static inline struct vector_bytes vector_hex(const struct vector *vector, const char *name)
{
    struct vector_bytes bytes = {.size = strlen(vector_text(vector, name)) / 2};
    assert_true(bytes.size <= sizeof bytes.at);
    assert_true(hex_decode(bytes.at, bytes.size, vector_text(vector, name), 2 * bytes.size));
    return bytes;
}

/* Fails with the name of the vector. */
static inline void vector_same(const struct vector *vector, const char *name, const void *got)
{
    struct vector_bytes expected = vector_hex(vector, name);
    if (memcmp(expected.at, got, expected.size) != 0) {
        fail_msg("%s: not the \"%s\" that it should be", vector->fields[0], name);
    }
}

#endif
