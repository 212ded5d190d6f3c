/* What somebody does to the log is found on opening, for reading and for appending, and nothing is
 * repaired that an interruption cannot have left. */
#include "../../../src/audit/audit_private.h"
#include "audit_test.h"

#define RECORDS 6

static void require(enum status wanted, const char *word)
{
    struct error error = {0};
    struct audit *audit;
    for (int append = 0; append < 2; append++) {
        assert_int_equal(open_log(&audit, append == 1, &error), wanted);
        if (wanted != STATUS_OK && strstr(error.message, word) == NULL) {
            fail_msg("\"%s\" does not say: %s", error.message, word);
        }
        audit_free(audit);
    }
}

struct lines {
    struct buffer text;
    char *at[RECORDS];
    size_t sizes[RECORDS]; /* with the newline */
};

static struct lines read_lines(void)
{
    struct lines lines = {.text = read_file("audit/log")};
    char *at = (char *)lines.text.data;
    for (size_t i = 0; i < RECORDS; i++) {
        char *end = strchr(at, '\n');
        assert_non_null(end);
        lines.at[i] = at;
        lines.sizes[i] = (size_t)(end - at) + 1;
        at = end + 1;
    }
    return lines;
}

/* The log made of these lines, by number. */
static void write_lines(const struct lines *lines, const size_t *order, size_t count)
{
    FILE *file = fopen("audit/log", "w");
    assert_non_null(file);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(fwrite(lines->at[order[i]], 1, lines->sizes[order[i]], file),
                         lines->sizes[order[i]]);
    }
    assert_int_equal(fclose(file), 0);
}

static int six_records(void **state)
{
    if (no_log(state) != 0) {
        return -1;
    }
    append_records(RECORDS);
    return 0;
}

static void test_edited(void **state)
{
    (void)state;
    struct buffer log = read_file("audit/log");
    for (size_t i = 0; i < log.size; i++) {
        struct error error = {0};
        struct audit *audit;
        unsigned char old = log.data[i];
        log.data[i] = old == '0' ? '1' : '0';
        write_file("audit/log", log.data, log.size);
        assert_int_equal(open_log(&audit, false, &error), STATUS_CORRUPT);
        log.data[i] = old;
    }
    write_file("audit/log", log.data, log.size);
    require(STATUS_OK, "");
    char *fact = strstr((char *)log.data, "\"number\":4");
    assert_non_null(fact);
    fact[9] = '5'; /* still a record of the right form */
    write_file("audit/log", log.data, log.size);
    require(STATUS_CORRUPT, "changed");
    buffer_free(&log);
}

static void test_reordered_removed_inserted(void **state)
{
    (void)state;
    struct lines lines = read_lines();
    write_lines(&lines, (size_t[]){0, 1, 3, 2, 4, 5}, 6);
    require(STATUS_CORRUPT, "where record 2 should be, stands number 3");
    write_lines(&lines, (size_t[]){0, 1, 3, 4, 5}, 5);
    require(STATUS_CORRUPT, "where record 2 should be, stands number 3");
    write_lines(&lines, (size_t[]){0, 1, 1, 2, 3, 4, 5}, 7);
    require(STATUS_CORRUPT, "where record 2 should be, stands number 1");
    write_lines(&lines, (size_t[]){0, 1, 2, 3, 4, 5, 5}, 7);
    require(STATUS_CORRUPT, "something behind record 6");
    write_lines(&lines, (size_t[]){0, 1, 2, 3, 4}, 5);
    require(STATUS_CORRUPT, "ends before record 5");
    write_lines(&lines, NULL, 0);
    require(STATUS_CORRUPT, "ends before record 0");
    write_file("audit/log", lines.text.data, lines.text.size - 1);
    require(STATUS_CORRUPT, "ends before record 5");
    write_file("audit/log", lines.text.data, lines.text.size);
    require(STATUS_OK, "");
    buffer_free(&lines.text);
}

static void test_gone(void **state)
{
    (void)state;
    assert_int_equal(rename("audit/log", "audit/kept"), 0);
    require(STATUS_CORRUPT, "its checkpoint is still there");
    assert_int_equal(rename("audit/kept", "audit/log"), 0);
    assert_int_equal(rename("audit/checkpoint", "audit/kept"), 0);
    require(STATUS_CORRUPT, "checkpoint is missing");
    assert_int_equal(rename("audit/kept", "audit/checkpoint"), 0);
    require(STATUS_OK, "");
}

/* With the log cut to an older checkpoint only an anchor elsewhere tells: audit_extends. */
static void test_old_checkpoint(void **state)
{
    (void)state;
    struct error error = {0};
    struct audit *audit;
    struct buffer old = read_file("audit/checkpoint");
    struct buffer old_log = read_file("audit/log");
    append_records(2);
    struct buffer new_log = read_file("audit/log");
    assert_ok(open_log(&audit, false, &error));
    struct audit_head head = audit_head(audit);
    audit_free(audit);
    write_file("audit/checkpoint", old.data, old.size);
    require(STATUS_CORRUPT, "the checkpoint is an old one");
    write_file("audit/log", old_log.data, old_log.size);
    assert_ok(open_log(&audit, false, &error));
    assert_false(audit_extends(audit, &head));
    audit_free(audit);
    buffer_free(&old);
    buffer_free(&old_log);
    buffer_free(&new_log);
}

static void test_foreign_checkpoint(void **state)
{
    (void)state;
    struct error error = {0};
    struct audit *audit;
    struct signing_key other = {0};
    assert_ok(signing_key_generate(&other, &error));
    struct audit_options options = audit_test_options(false);
    options.public_key = other.public_key;
    assert_int_equal(audit_open(&audit, &options, &error), STATUS_UNAUTHENTIC);
    options.signing = &other;
    assert_int_equal(audit_open(&audit, &options, &error), STATUS_UNAUTHENTIC);
    options = audit_test_options(true);
    options.origin = "kura/ffffffffffffffffffffffffffffffff";
    assert_int_equal(audit_open(&audit, &options, &error), STATUS_UNAUTHENTIC);
    options = audit_test_options(true);
    options.signing = &other; /* not the key that verifies */
    assert_int_equal(audit_open(&audit, &options, &error), STATUS_FAILED);
    signing_key_free(&other);
    require(STATUS_OK, "");
}

static void test_every_byte_of_the_checkpoint(void **state)
{
    (void)state;
    struct error error = {0};
    struct audit *audit;
    struct buffer note = read_file("audit/checkpoint");
    for (size_t i = 0; i < note.size; i++) {
        note.data[i] ^= 1;
        write_file("audit/checkpoint", note.data, note.size);
        enum status status = open_log(&audit, i % 2 == 0, &error);
        assert_true(status == STATUS_CORRUPT || status == STATUS_UNAUTHENTIC);
        note.data[i] ^= 1;
    }
    write_file("audit/checkpoint", note.data, note.size);
    require(STATUS_OK, "");
    buffer_free(&note);
}

/* Signed and still not of the form: a host that was made to sign it deceives nobody. */
static void test_malformed_checkpoints(void **state)
{
    (void)state;
    struct error error = {0};
    static const char *const texts[] = {
        ORIGIN "\n",
        ORIGIN "\n6\n",
        ORIGIN "\n06\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        ORIGIN "\n-6\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        ORIGIN "\n\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        ORIGIN "\n99999999999999999999\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        ORIGIN "\n6\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF\n",
        ORIGIN "\n6\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nmore\n",
        "kura/other\n6\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    };
    for (size_t i = 0; i < LENGTH(texts); i++) {
        struct buffer note = {0};
        assert_ok(note_sign(&note, texts[i], ORIGIN, &key, &error));
        write_file("audit/checkpoint", note.data, note.size);
        require(STATUS_CORRUPT, "malformed");
        buffer_free(&note);
    }
}

/* A log of one line, with the right root and signature: only its form can be wrong. */
static void require_line(const char *line, size_t size, enum status wanted, const char *word)
{
    struct error error = {0};
    struct tree tree = {0};
    struct buffer note = {0};
    struct buffer log = {0};
    struct audit_head head = {.size = 1};
    struct audit_options options = audit_test_options(true);
    assert_ok(tree_add(&tree, line, size, &error));
    tree_root(head.root, &tree, 1);
    tree_free(&tree);
    assert_ok(checkpoint_compose(&note, &options, &head, &error));
    assert_ok(buffer_append(&log, line, size, &error));
    assert_ok(buffer_append_u8(&log, '\n', &error));
    write_file("audit/checkpoint", note.data, note.size);
    write_file("audit/log", log.data, log.size);
    require(wanted, word);
    buffer_free(&note);
    buffer_free(&log);
}

#define TIME "\"time\":\"2026-11-22T02:00:00Z\""

static void test_malformed_lines(void **state)
{
    (void)state;
    static const char good[] = "{\"event\":\"x\",\"n\":0," TIME "}";
    require_line(good, sizeof good - 1, STATUS_OK, "");
    static const char *const lines[] = {
        "",
        "{}",
        "[]",
        "{\"event\":\"x\",\"n\":0," TIME "} ,",
        "{\"event\":\"x\",\"n\":0,\"n\":0," TIME "}",
        "{\"a\":{\"b\":1,\"b\":1},\"event\":\"x\",\"n\":0," TIME "}",
        "{\"event\":1,\"n\":0," TIME "}",
        "{\"event\":\"x\",\"n\":\"0\"," TIME "}",
        "{\"event\":\"x\",\"n\":0.0," TIME "}",
        "{\"event\":\"x\",\"n\":0,\"time\":\"2026-11-22\"}",
        "{\"event\":\"x\",\"n\":0,\"time\":\"2026-02-31T00:00:00Z\"}",
        "{\"event\":\"x\",\"n\":0,\t" TIME "}",
        "{\"event\":\"\x7f\",\"n\":0," TIME "}",
        "{\"event\":\"\xe8\x94\xb5\",\"n\":0," TIME "}",
        "{\"event\":\"\\u0000\",\"n\":0," TIME "}",
    };
    for (size_t i = 0; i < LENGTH(lines); i++) {
        require_line(lines[i], strlen(lines[i]), STATUS_CORRUPT, "record 0 is damaged");
    }
    static const char with_zero[] = "{\"event\":\"x\0\",\"n\":0," TIME "}";
    require_line(with_zero, sizeof with_zero - 1, STATUS_CORRUPT, "record 0 is damaged");
    static const char number[] = "{\"event\":\"x\",\"n\":1," TIME "}";
    require_line(number, sizeof number - 1, STATUS_CORRUPT, "stands number 1");
    char *long_line = malloc(AUDIT_LINE_LIMIT + 2);
    assert_non_null(long_line);
    memset(long_line, 'x', AUDIT_LINE_LIMIT + 1);
    require_line(long_line, AUDIT_LINE_LIMIT + 1, STATUS_CORRUPT, "record 0 is too long");
    free(long_line);
}

/* A clock that was set back does not make the newest time older. */
static void test_clock_set_back(void **state)
{
    (void)state;
    struct error error = {0};
    struct audit *audit;
    static const char later[] = "{\"event\":\"x\",\"n\":0,\"time\":\"2096-11-22T02:00:00Z\"}";
    require_line(later, sizeof later - 1, STATUS_OK, "");
    append_records(1); /* of now */
    assert_ok(open_log(&audit, true, &error));
    assert_int_equal(audit_newest(audit).seconds, 4004388000);
    assert_ok(audit_append(audit, "test", NULL, &error));
    assert_int_equal(audit_newest(audit).seconds, 4004388000);
    audit_free(audit);
}

/* `next` is obeyed only as the host signed it, and only where it fits. */
static void test_false_intents(void **state)
{
    (void)state;
    struct error error = {0};
    struct lines lines = read_lines();
    struct buffer checkpoint = read_file("audit/checkpoint");
    write_file("audit/next", "garbage", 7);
    require(STATUS_CORRUPT, "next");
    write_file("audit/next", "", 0);
    require(STATUS_CORRUPT, "next");
    struct buffer next = {0};
    assert_ok(buffer_append(&next, lines.at[5], lines.sizes[5], &error));
    assert_ok(buffer_append(&next, checkpoint.data, checkpoint.size, &error));
    unsigned char *digit = &next.data[next.size - 9]; /* base64, of its signature */
    unsigned char right = *digit;
    *digit = right == 'A' ? 'B' : 'A';
    write_file("audit/next", next.data, next.size);
    require(STATUS_UNAUTHENTIC, "next");
    *digit = right;
    write_file("audit/next", next.data, next.size);
    append_records(0); /* what is done already is cleared away */
    assert_int_equal(access("audit/next", F_OK), -1);
    append_records(1); /* seven now: an intent of six is an old one */
    write_file("audit/next", next.data, next.size);
    require(STATUS_CORRUPT, "does not fit the checkpoint");
    assert_int_equal(unlink("audit/next"), 0);
    require(STATUS_OK, "");
    buffer_free(&next);
    buffer_free(&checkpoint);
    buffer_free(&lines.text);
}

/* A signed intent with another line than the one that was signed for. */
static void test_intent_of_another_line(void **state)
{
    (void)state;
    struct error error = {0};
    struct buffer five = read_file("audit/checkpoint");
    struct buffer five_log = read_file("audit/log");
    append_records(1);
    struct buffer six = read_file("audit/checkpoint");
    write_file("audit/checkpoint", five.data, five.size);
    write_file("audit/log", five_log.data, five_log.size);
    struct buffer next = {0};
    assert_ok(buffer_append_text(&next, "{\"event\":\"x\",\"n\":6," TIME "}\n", &error));
    assert_ok(buffer_append(&next, six.data, six.size, &error));
    write_file("audit/next", next.data, next.size);
    require(STATUS_CORRUPT, "does not fit the log");
    buffer_free(&next);
    buffer_free(&five);
    buffer_free(&five_log);
    buffer_free(&six);
}

static void test_not_files(void **state)
{
    (void)state;
    struct error error = {0};
    struct audit *audit;
    assert_int_equal(rename("audit/log", "elsewhere"), 0);
    assert_int_equal(symlink("../elsewhere", "audit/log"), 0);
    assert_int_not_equal(open_log(&audit, true, &error), STATUS_OK);
    assert_int_equal(unlink("audit/log"), 0);
    assert_int_equal(mkfifo("audit/log", 0600), 0);
    assert_int_not_equal(open_log(&audit, false, &error), STATUS_OK);
    assert_int_equal(unlink("audit/log"), 0);
    assert_int_equal(rename("elsewhere", "audit/log"), 0);
    require(STATUS_OK, "");
}

static enum status ignore(void *context, const struct audit_record *record, struct error *error)
{
    (void)record;
    (void)error;
    ++*(uint64_t *)context;
    return STATUS_OK;
}

/* Changed between opening and walking: what was not verified is not shown, and nothing is added. */
static void test_changed_while_open(void **state)
{
    (void)state;
    struct error error = {0};
    struct audit *audit;
    uint64_t count = 0;
    assert_ok(open_log(&audit, true, &error));
    struct lines lines = read_lines();
    char *fact = strstr(lines.at[3], "\"number\":3");
    fact[9] = '7';
    write_file("audit/log", lines.text.data, lines.text.size);
    assert_int_equal(audit_walk(audit, ignore, &count, &error), STATUS_CORRUPT);
    assert_int_equal(count, 3);
    write_file("audit/log", lines.text.data, lines.text.size - 1);
    assert_int_equal(audit_append(audit, "test", NULL, &error), STATUS_CORRUPT);
    audit_free(audit);
    buffer_free(&lines.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_edited, six_records),
        cmocka_unit_test_setup(test_reordered_removed_inserted, six_records),
        cmocka_unit_test_setup(test_gone, six_records),
        cmocka_unit_test_setup(test_old_checkpoint, six_records),
        cmocka_unit_test_setup(test_foreign_checkpoint, six_records),
        cmocka_unit_test_setup(test_every_byte_of_the_checkpoint, six_records),
        cmocka_unit_test_setup(test_malformed_checkpoints, six_records),
        cmocka_unit_test_setup(test_malformed_lines, six_records),
        cmocka_unit_test_setup(test_clock_set_back, six_records),
        cmocka_unit_test_setup(test_false_intents, six_records),
        cmocka_unit_test_setup(test_intent_of_another_line, six_records),
        cmocka_unit_test_setup(test_not_files, six_records),
        cmocka_unit_test_setup(test_changed_while_open, six_records),
    };
    return cmocka_run_group_tests(tests, in_fresh_folder, leave_folder);
}
