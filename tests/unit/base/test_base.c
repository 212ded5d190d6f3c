/* base: errors, texts, buffers, moments, paths, files, the ticker. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/entry.h"
#include <dirent.h>
#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void errors_say_what_and_why(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(error_set_errno(&error, ENOENT, "%s", "a"), STATUS_NOT_FOUND);
    assert_int_equal(error_set_errno(&error, ENOSPC, "%s", "a"), STATUS_NO_SPACE);
    assert_int_equal(error_set_errno(&error, EROFS, "%s", "a"), STATUS_DENIED);
    assert_int_equal(error_set(&error, STATUS_CORRUPT, 0, "%s is damaged", "x\ny\033["),
                     STATUS_CORRUPT);
    assert_string_equal(error.message, "x\\012y\\033[ is damaged");
    assert_int_equal(error_add_context(&error, "pack %d", 7), STATUS_CORRUPT);
    assert_string_equal(error.message, "pack 7: x\\012y\\033[ is damaged");
    assert_int_equal(error_set_hint(&error, "do %s", "this"), STATUS_CORRUPT);
    assert_string_equal(error.hint, "do this");
}

static void long_messages_are_cut_at_a_character(void **state)
{
    (void)state;
    struct error error;
    char text[4000];
    memset(text, 0, sizeof text);
    for (size_t i = 0; i + 3 < sizeof text; i += 3) {
        memcpy(text + i, "蔵", 3);
    }
    (void)error_set(&error, STATUS_FAILED, 0, "%s", text);
    assert_true(strlen(error.message) < sizeof error.message);
    (void)error_add_context(&error, "%s", text);
    assert_true(strlen(error.message) < sizeof error.message);
}

static void printable_text_cannot_steer_a_terminal(void **state)
{
    (void)state;
    char text[64];
    assert_string_equal(text_printable(text, sizeof text, "佐藤\r\n"), "佐藤\\015\\012");
    assert_string_equal(text_printable(text, sizeof text, "\xff\xfe"), "\\377\\376");
    assert_string_equal(text_printable(text, sizeof text, "\xc2\x9b"), "\\302\\233");
    assert_string_equal(text_printable(text, sizeof text, "\xe0\x80\xaf"), "\\340\\200\\257");
    assert_string_equal(text_printable(text, sizeof text, "\xed\xa0\x80"), "\\355\\240\\200");
    assert_string_equal(text_printable(text, 4, "abcdef"), "abc");
    assert_string_equal(text_printable(text, 4, "蔵蔵"), "蔵");
}

static void cursors_never_pass_the_end(void **state)
{
    (void)state;
    struct error error;
    struct buffer buffer = {0};
    assert_int_equal(buffer_append_u16(&buffer, 0x1234, &error), STATUS_OK);
    assert_int_equal(buffer_append_u64(&buffer, 0x1122334455667788, &error), STATUS_OK);
    assert_int_equal(buffer.data[0], 0x34);
    struct cursor cursor = {buffer.data, buffer.size};
    uint16_t small = 0;
    uint32_t middle = 7;
    uint64_t large = 0;
    assert_true(cursor_u16(&cursor, &small));
    assert_int_equal(small, 0x1234);
    assert_true(cursor_u64(&cursor, &large));
    assert_true(large == 0x1122334455667788);
    assert_false(cursor_u32(&cursor, &middle));
    assert_int_equal(middle, 7);
    assert_int_equal(cursor.left, 0);
    buffer_free(&buffer);
    assert_int_equal(buffer_reserve(&buffer, SIZE_MAX - 1, &error), STATUS_FAILED);
}

static void hexadecimal_is_strict(void **state)
{
    (void)state;
    unsigned char bytes[2];
    char text[5];
    assert_true(hex_decode(bytes, 2, "0aff", 4));
    assert_string_equal(hex_encode(text, bytes, 2), "0aff");
    assert_false(hex_decode(bytes, 2, "0AFF", 4));
    assert_false(hex_decode(bytes, 2, "0aff0", 5));
    assert_false(hex_decode(bytes, 2, "0a f", 4));
}

static void moments_are_read_and_written(void **state)
{
    (void)state;
    struct moment moment;
    char text[MOMENT_TEXT_SIZE];
    assert_true(moment_parse(&moment, "2026-11-22T02:00:00Z"));
    assert_string_equal(moment_format(text, moment), "2026-11-22T02:00:00Z");
    assert_true(moment_parse(&moment, "2026-11-22T11:00:00+0900"));
    assert_string_equal(moment_format(text, moment), "2026-11-22T02:00:00Z");
    assert_true(moment_parse(&moment, "2026-11-22"));
    assert_false(moment_parse(&moment, "yesterday"));
    assert_false(moment_parse(&moment, "2026-11-22T02:00:00Zx"));
    struct moment before = {-1, 5};
    assert_string_equal(moment_format(text, before), "1969-12-31T23:59:59Z");
    assert_true(moment_compare(before, (struct moment){-1, 6}) < 0);
}

static void paths_are_ordered_by_components(void **state)
{
    (void)state;
    assert_true(entry_path_compare("a", "a/b") < 0);
    assert_true(entry_path_compare("a/b", "a!") < 0);
    assert_true(entry_path_compare("a\001", "a/b") > 0);
    assert_true(entry_path_compare("\xff", "a") > 0);
    assert_true(entry_path_compare("", "a") < 0);
    assert_int_equal(entry_path_compare("a/b", "a/b"), 0);
}

static void paths_that_lead_out_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"/etc", "..", "a/../b", "a/..", "./a", "a//b", "a/", "."};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        assert_false(entry_path_valid(bad[i]));
    }
    assert_true(entry_path_valid(""));
    assert_true(entry_path_valid("..a/b\n\xff"));
    char name[300];
    memset(name, 'x', sizeof name);
    name[255] = '\0';
    assert_true(entry_path_valid(name));
    name[255] = 'x';
    name[256] = '\0';
    assert_false(entry_path_valid(name));
}

static void files_are_replaced_whole_or_kept(void **state)
{
    (void)state;
    struct error error;
    char folder[] = "/tmp/kura-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = NULL;
    assert_int_equal(path_join(&path, folder, "file", &error), STATUS_OK);
    assert_int_equal(file_write(path, "one", 3, 0600, FILE_KEEP_EXISTING, &error), STATUS_OK);
    assert_int_equal(file_write(path, "two", 3, 0600, FILE_KEEP_EXISTING, &error), STATUS_EXISTS);
    struct buffer content = {0};
    assert_int_equal(file_read(&content, path, 100, &error), STATUS_OK);
    assert_memory_equal(content.data, "one", 3);
    assert_int_equal(file_write(path, "two", 3, 0640, FILE_REPLACE_EXISTING, &error), STATUS_OK);
    buffer_clear(&content);
    assert_int_equal(file_read(&content, path, 3, &error), STATUS_OK);
    assert_memory_equal(content.data, "two", 3);
    assert_int_equal(file_read(&content, path, 2, &error), STATUS_CORRUPT);
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0640);
    buffer_free(&content);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0); /* no temporary file was left */
    free(path);
}

static void locks_exclude(void **state)
{
    (void)state;
    struct error error;
    char path[] = "/tmp/kura-test-XXXXXX";
    int first = mkstemp(path);
    int second = -1;
    close(first);
    assert_int_equal(file_lock(&first, path, false, &error), STATUS_OK);
    assert_int_equal(file_lock(&second, path, false, &error), STATUS_LOCKED);
    file_close(&first);
    assert_int_equal(file_lock(&second, path, false, &error), STATUS_OK);
    file_close(&second);
    unlink(path);
}

static void count_tick(void *context)
{
    ++*(atomic_uint *)context;
}

/* The futex operation that another thread of this process waits in; -1: cannot be seen here. */
static long operation_of_other_thread(void)
{
    char path[64];
    long operation = -1;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        unsigned long word;
        snprintf(path, sizeof path, "/proc/self/task/%.16s/syscall", task->d_name);
        FILE *call = strtol(task->d_name, NULL, 10) == gettid() ? NULL : fopen(path, "r");
        if (call != NULL) {
            if (fscanf(call, "%*d %lx %lx", &word, (unsigned long *)&operation) != 2) {
                operation = -1;
            }
            fclose(call);
        }
    }
    closedir(tasks);
    return operation;
}

static void a_ticker_ticks_whatever_the_clock_is_set_to(void **state)
{
    (void)state;
    struct error error;
    struct ticker *ticker;
    atomic_uint ticks = 0;
    assert_int_equal(ticker_start(&ticker, count_tick, &ticks, &error), STATUS_OK);
    for (int i = 0; i < 100 && ticks == 0; i++) {
        usleep(100000);
    }
    long operation = operation_of_other_thread();
    ticker_stop(ticker);
    assert_true(ticks > 0);
    if (operation >= 0) {
        assert_int_equal(operation & FUTEX_CLOCK_REALTIME, 0);
    }
}

int main(void)
{
    struct error error;
    if (base_start(&error) != STATUS_OK) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_say_what_and_why),
        cmocka_unit_test(long_messages_are_cut_at_a_character),
        cmocka_unit_test(printable_text_cannot_steer_a_terminal),
        cmocka_unit_test(cursors_never_pass_the_end),
        cmocka_unit_test(hexadecimal_is_strict),
        cmocka_unit_test(moments_are_read_and_written),
        cmocka_unit_test(paths_are_ordered_by_components),
        cmocka_unit_test(paths_that_lead_out_are_refused),
        cmocka_unit_test(files_are_replaced_whole_or_kept),
        cmocka_unit_test(locks_exclude),
        cmocka_unit_test(a_ticker_ticks_whatever_the_clock_is_set_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
