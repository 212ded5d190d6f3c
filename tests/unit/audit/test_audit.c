/* The log from outside: what is appended is there, in the form that FORMAT.md says; heads, times,
 * locks, and readers beside a writer. */
#include "audit_test.h"
#include <signal.h>
#include <sys/wait.h>

static void test_no_log(void **state)
{
    (void)state;
    struct error error = {0};
    struct audit *audit;
    assert_int_equal(open_log(&audit, false, &error), STATUS_NOT_FOUND);
    assert_int_equal(access("audit", F_OK), -1);
}

static void test_empty_log(void **state)
{
    (void)state;
    struct error error = {0};
    struct audit *audit;
    append_records(0);
    assert_ok(open_log(&audit, false, &error));
    struct audit_head head = audit_head(audit);
    assert_int_equal(head.size, 0);
    assert_int_equal(audit_newest(audit).seconds, 0);
    assert_int_equal(audit_append(audit, "test", NULL, &error), STATUS_FAILED); /* only reading */
    audit_free(audit);
    struct buffer note = read_file("audit/checkpoint");
    assert_int_equal(memcmp(note.data,
                            ORIGIN "\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n",
                            strlen(ORIGIN) + 49),
                     0);
    buffer_free(&note);
}

struct seen {
    uint64_t count;
    uint64_t stop_at;
};

static enum status see(void *context, const struct audit_record *record, struct error *error)
{
    struct seen *seen = context;
    assert_int_equal(record->number, seen->count);
    assert_string_equal(record->event, "test");
    assert_int_equal(json_integer_value(json_object_get(record->json, "number")), seen->count);
    assert_true(record->time.seconds > 1700000000);
    char start[32];
    snprintf(start, sizeof start, "{\"event\":\"test\",\"n\":%d,", (int)record->number);
    assert_int_equal(strncmp(record->line, start, strlen(start)), 0);
    assert_int_equal(record->line[strlen(record->line) - 1], '}');
    seen->count++;
    return seen->count == seen->stop_at ? error_set(error, STATUS_CANCELLED, 0, "enough")
                                        : STATUS_OK;
}

static void test_records_come_back(void **state)
{
    (void)state;
    struct error error = {0};
    struct audit *audit;
    append_records(5);
    append_records(3);
    assert_ok(open_log(&audit, false, &error));
    assert_int_equal(audit_head(audit).size, 8);
    struct seen seen = {0};
    assert_ok(audit_walk(audit, see, &seen, &error));
    assert_int_equal(seen.count, 8);
    seen = (struct seen){.stop_at = 3};
    assert_int_equal(audit_walk(audit, see, &seen, &error), STATUS_CANCELLED);
    assert_int_equal(seen.count, 3);
    audit_free(audit);
}

static void test_heads(void **state)
{
    (void)state;
    struct error error = {0};
    struct audit *audit;
    struct audit_head heads[9];
    assert_ok(open_log(&audit, true, &error));
    for (size_t i = 0; i < LENGTH(heads); i++) {
        heads[i] = audit_head(audit);
        assert_int_equal(heads[i].size, i);
        assert_ok(audit_append(audit, "test", NULL, &error));
    }
    for (size_t i = 0; i < LENGTH(heads); i++) {
        assert_true(audit_extends(audit, &heads[i]));
        heads[i].root[31] ^= 1;
        assert_int_equal(audit_extends(audit, &heads[i]), i == 0);
    }
    struct audit_head later = audit_head(audit);
    later.size++;
    assert_false(audit_extends(audit, &later));
    audit_free(audit);
}

static void test_facts_are_kept_apart(void **state)
{
    (void)state;
    struct error error = {0};
    struct audit *audit;
    assert_ok(open_log(&audit, true, &error));
    static const char *const taken[] = {"n", "time", "event"};
    for (size_t i = 0; i < LENGTH(taken); i++) {
        json_t *facts = json_pack("{s:i}", taken[i], 1);
        assert_int_equal(audit_append(audit, "test", facts, &error), STATUS_FAILED);
        json_decref(facts);
    }
    json_t *array = json_array();
    assert_int_equal(audit_append(audit, "test", array, &error), STATUS_FAILED);
    json_decref(array);
    char *text = malloc(AUDIT_LINE_LIMIT + 1);
    assert_non_null(text);
    memset(text, 'x', AUDIT_LINE_LIMIT);
    text[AUDIT_LINE_LIMIT] = '\0';
    json_t *long_facts = json_pack("{s:s}", "text", text);
    assert_int_equal(audit_append(audit, "test", long_facts, &error), STATUS_FAILED);
    json_decref(long_facts);
    free(text);
    assert_int_equal(audit_head(audit).size, 0);
    assert_ok(audit_append(audit, "test", NULL, &error));
    audit_free(audit);
}

/* Whatever a fact holds, its line is printable ASCII and comes back. */
static void test_any_text(void **state)
{
    (void)state;
    struct error error = {0};
    struct audit *audit;
    static const char odd[] = "\"\\\n\r\t\x01\x1b[31m\x7f \xe8\x94\xb5 \xf0\x9f\x94\x91";
    assert_ok(open_log(&audit, true, &error));
    json_t *facts = json_pack("{s:s}", "text", odd);
    assert_ok(audit_append(audit, "test", facts, &error));
    json_decref(facts);
    audit_free(audit);
    struct buffer log = read_file("audit/log");
    for (size_t i = 0; i + 1 < log.size; i++) {
        assert_true(log.data[i] >= 0x20 && log.data[i] < 0x7f);
    }
    json_t *json = json_loads((char *)log.data, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "text")), odd);
    json_decref(json);
    buffer_free(&log);
    assert_ok(open_log(&audit, false, &error));
    audit_free(audit);
}

static void test_newest_time(void **state)
{
    (void)state;
    struct error error = {0};
    struct audit *audit;
    int64_t before = moment_now().seconds;
    append_records(2);
    assert_ok(open_log(&audit, false, &error));
    assert_true(audit_newest(audit).seconds >= before);
    assert_true(audit_newest(audit).seconds <= moment_now().seconds);
    audit_free(audit);
}

static void test_modes(void **state)
{
    (void)state;
    static const char *const names[] = {"audit/log", "audit/checkpoint", "audit/lock", "audit"};
    struct stat information;
    mode_t old = umask(0);
    append_records(1);
    umask(old);
    for (size_t i = 0; i < LENGTH(names); i++) {
        assert_int_equal(stat(names[i], &information), 0);
        assert_int_equal(information.st_mode & 0077, 0);
    }
    assert_int_equal(access("audit/next", F_OK), -1);
}

/* Four processes append at once, a fifth reads all the time. */
static void test_at_once(void **state)
{
    (void)state;
    enum { WRITERS = 4, EACH = 12 };
    struct error error = {0};
    struct audit *audit;
    pid_t children[WRITERS];
    append_records(1);
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            for (int k = 0; k < EACH; k++) {
                struct error theirs = {0};
                if (open_log(&audit, true, &theirs) != STATUS_OK ||
                    audit_append(audit, "test", NULL, &theirs) != STATUS_OK) {
                    _exit(1);
                }
                audit_free(audit);
            }
            _exit(0);
        }
    }
    uint64_t last = 0;
    int ended = 0;
    for (int i = 0; i < WRITERS;) {
        assert_ok(open_log(&audit, false, &error));
        assert_true(audit_head(audit).size >= last);
        last = audit_head(audit).size;
        audit_free(audit);
        if (waitpid(children[i], &ended, WNOHANG) == children[i]) {
            assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
            i++;
        }
    }
    assert_ok(open_log(&audit, false, &error));
    assert_int_equal(audit_head(audit).size, 1 + WRITERS * EACH);
    audit_free(audit);
}

/* Somebody who has the log open for writing does not hold up readers. */
static void test_reading_beside_a_writer(void **state)
{
    (void)state;
    struct error error = {0};
    struct audit *writer;
    struct audit *reader;
    assert_ok(open_log(&writer, true, &error));
    assert_ok(audit_append(writer, "test", NULL, &error));
    double begin = clock_monotonic();
    assert_ok(open_log(&reader, false, &error));
    assert_true(clock_monotonic() - begin < 30);
    assert_int_equal(audit_head(reader).size, 1);
    assert_ok(audit_append(writer, "test", NULL, &error)); /* and is not held up by one */
    assert_int_equal(audit_head(reader).size, 1);
    audit_free(reader);
    audit_free(writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_no_log, no_log),
        cmocka_unit_test_setup(test_empty_log, no_log),
        cmocka_unit_test_setup(test_records_come_back, no_log),
        cmocka_unit_test_setup(test_heads, no_log),
        cmocka_unit_test_setup(test_facts_are_kept_apart, no_log),
        cmocka_unit_test_setup(test_any_text, no_log),
        cmocka_unit_test_setup(test_newest_time, no_log),
        cmocka_unit_test_setup(test_modes, no_log),
        cmocka_unit_test_setup(test_at_once, no_log),
        cmocka_unit_test_setup(test_reading_beside_a_writer, no_log),
    };
    return cmocka_run_group_tests(tests, in_fresh_folder, leave_folder);
}
