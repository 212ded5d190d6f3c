/* memory: records and hashes come back as they went in; absent and damaged are two answers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "backup/memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/kura-test-XXXXXX";
static const unsigned char key[SUBKEY_SIZE] = {7};
static char file_path[] = "2026/車検証\n控え.jpg";
static unsigned char inlined[] = "small";

static void write_memory(const struct memory_place *place)
{
    struct error error;
    struct memory_writer *writer;
    struct catalogue_dictionary dictionary = {.id = 9, .reference = {.key = {3}, .size = 100}};
    struct memory_entry item = {
        .entry = {.path = file_path,
                  .type = ENTRY_FILE,
                  .mode = 0640,
                  .size = 5,
                  .modified = {-7, 8},
                  .changed = {1234, 5678},
                  .inode = 42,
                  .device = 43},
        .content = {.size = 5, .inlined = true, .data = {inlined, 5, 5}},
        .hashes = 2,
        .racy = true,
    };
    unsigned char hash[CHUNK_HASH_SIZE] = {0};
    assert_int_equal(memory_writer_open(&writer, place, &error), STATUS_OK);
    assert_int_equal(memory_write_dictionary(writer, &dictionary, &error), STATUS_OK);
    assert_int_equal(memory_write_entry(writer, &item, &error), STATUS_OK);
    for (unsigned char i = 0; i < 3; i++) {
        hash[0] = i;
        assert_int_equal(memory_write_hash(writer, hash, &error), STATUS_OK);
    }
    assert_int_equal(memory_write_count(writer, MEMORY_NODES, 17, &error), STATUS_OK);
    assert_int_equal(memory_writer_finish(writer, &error), STATUS_OK);
    memory_writer_free(writer);
}

static void records_come_back(void **state)
{
    (void)state;
    struct memory_place place = {folder, "documents", key};
    struct error error;
    struct memory_reader *reader;
    struct memory_record record;
    unsigned char hash[CHUNK_HASH_SIZE];
    write_memory(&place);
    assert_int_equal(memory_reader_open(&reader, &place, &error), STATUS_OK);
    assert_int_equal(memory_read(&record, reader, &error), STATUS_OK);
    assert_int_equal(record.kind, MEMORY_DICTIONARY);
    assert_int_equal(record.dictionary.id, 9);
    assert_int_equal(record.dictionary.reference.size, 100);
    assert_int_equal(memory_read(&record, reader, &error), STATUS_OK);
    assert_int_equal(record.kind, MEMORY_ENTRY);
    assert_string_equal(record.entry.entry.path, file_path);
    assert_int_equal(record.entry.entry.inode, 42);
    assert_int_equal(record.entry.entry.changed.nanoseconds, 5678);
    assert_int_equal(record.entry.entry.modified.seconds, -7);
    assert_true(record.entry.racy);
    assert_int_equal(record.count, 2);
    assert_memory_equal(record.entry.content.data.data, inlined, 5);
    memory_record_free(&record);
    for (unsigned char i = 0; i < 3; i++) {
        assert_int_equal(memory_read_hash(hash, reader, &error), STATUS_OK);
        assert_int_equal(hash[0], i);
    }
    assert_int_equal(memory_read_hash(hash, reader, &error), STATUS_CORRUPT);
    assert_int_equal(memory_read(&record, reader, &error), STATUS_OK);
    assert_int_equal(record.kind, MEMORY_NODES);
    assert_int_equal(record.count, 17);
    assert_int_equal(memory_read(&record, reader, &error), STATUS_OK);
    assert_int_equal(record.kind, 0);
    memory_reader_free(reader);
}

static void absent_and_damaged_are_told_apart(void **state)
{
    (void)state;
    struct memory_place place = {folder, "documents", key};
    struct memory_place absent = {folder, "nobody", key};
    struct error error;
    struct memory_reader *reader;
    assert_int_equal(memory_reader_open(&reader, &absent, &error), STATUS_NOT_FOUND);
    char path[128];
    snprintf(path, sizeof path, "%s/documents.entries", folder);
    assert_int_equal(truncate(path, 10), 0);
    assert_int_equal(memory_reader_open(&reader, &place, &error), STATUS_CORRUPT);
}

int main(void)
{
    struct error error;
    if (base_start(&error) != STATUS_OK || mkdtemp(folder) == NULL) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back),
        cmocka_unit_test(absent_and_damaged_are_told_apart),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char path[128];
    snprintf(path, sizeof path, "%s/documents.entries", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/documents.hashes", folder);
    unlink(path);
    rmdir(folder);
    return failed;
}
