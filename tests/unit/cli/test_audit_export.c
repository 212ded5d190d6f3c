/* kura audit export: the table holds every record, and no cell is a formula, whatever a record
 * says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kura/audit.h"
#include "kura/cli.h"
#include <ftw.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        enum status got_status_ = (call);                                                          \
        if (got_status_ != STATUS_OK) {                                                            \
            fail_msg("%s: status %d: %s", #call, (int)got_status_, error.message);                 \
        }                                                                                          \
    } while (0)

static const struct cli_command *const commands[] = {&cmd_audit_show, &cmd_audit_verify,
                                                     &cmd_audit_export};

static int run(const char *form, const char *out)
{
    char *words[] = {strdup("kura"),   strdup("-q"), strdup("-ckura.yaml"), strdup("audit"),
                     strdup("export"), strdup(form), strdup("--out"),       strdup(out)};
    int code = cli_main(LENGTH(words), words, commands, LENGTH(commands));
    for (size_t i = 0; i < LENGTH(words); i++) {
        free(words[i]);
    }
    return code;
}

static void write_text(const char *path, const char *text)
{
    struct error error = {0};
    assert_ok(file_write(path, text, strlen(text), 0600, FILE_REPLACE_EXISTING, &error));
}

static char *read_text(const char *path)
{
    struct error error = {0};
    struct buffer text = {0};
    assert_ok(file_read(&text, path, 1 << 20, &error));
    assert_ok(buffer_append_u8(&text, '\0', &error));
    return (char *)text.data;
}

static void make_world(struct host_key *host)
{
    struct error error = {0};
    struct age_identity recovery = {0};
    assert_ok(signing_key_generate(&host->signing, &error));
    assert_ok(age_identity_generate(&recovery, &error));
    host->secret = secret_new(REPOSITORY_SECRET_SIZE);
    memset(host->secret, 1, REPOSITORY_SECRET_SIZE);
    host->recovery = recovery.recipient;
    age_identity_free(&recovery);
    assert_ok(host_key_write("host.key", host, &error));
    write_text("kura.yaml", "repository:\n  host_key: host.key\n  state: .\n  stores:\n"
                            "    - { name: s, url: vault }\nsources:\n"
                            "  - { name: s, tree: . }\n");
}

static void make_log(const struct host_key *host)
{
    struct error error = {0};
    struct audit *audit = NULL;
    const struct audit_options options = {.folder = "audit",
                                          .origin = "kura/00000000000000000000000000000000",
                                          .public_key = host->signing.public_key,
                                          .signing = &host->signing};
    static const char *const events[] = {"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "plain"};
    assert_ok(audit_open(&audit, &options, &error));
    for (size_t i = 0; i < LENGTH(events); i++) {
        json_t *facts = json_pack("{s:s, s:s, s:i}", "user", "=cmd|' /C calc'!A0", "said",
                                  "a \"word\",\nthen", "exit", -1);
        assert_ok(audit_append(audit, events[i], facts, &error));
        json_decref(facts);
    }
    audit_free(audit);
}

static void test_no_cell_is_a_formula(void **state)
{
    (void)state;
    struct host_key host = {0};
    make_world(&host);
    make_log(&host);
    host_key_free(&host);
    assert_int_equal(run("--csv", "out.csv"), EXIT_DONE);
    char *table = read_text("out.csv");
    assert_int_equal(strncmp(table, "\xef\xbb\xbf\"", 4), 0);
    static const char *const never[] = {"\"=", "\"+", "\"-", "\"@", "\t", ",=", "\n="};
    for (size_t i = 0; i < LENGTH(never); i++) {
        assert_null(strstr(table, never[i]));
    }
    static const char *const cells[] = {"\"'=1+1\"",
                                        "\"'+1\"",
                                        "\"'-1\"",
                                        "\"'@SUM(A1)\"",
                                        "\"plain\"",
                                        "\"'=cmd|' /C calc'!A0\"",
                                        "said=a \"\"word\"\",\\012then"};
    for (size_t i = 0; i < LENGTH(cells); i++) {
        if (strstr(table, cells[i]) == NULL) {
            fail_msg("no cell %s in %s", cells[i], table);
        }
    }
    free(table);
    /* The export before is a record by now, and this one stands as the log has it. */
    assert_int_equal(run("--json", "out.json"), EXIT_DONE);
    char *text = read_text("out.json");
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_array_size(json), 8);
    assert_string_equal(json_string_value(json_object_get(json_array_get(json, 7), "event")),
                        "audit.export");
    json_decref(json);
    free(text);
}

static int remove_entry(const char *path, const struct stat *information, int kind,
                        struct FTW *place)
{
    (void)information;
    (void)kind;
    (void)place;
    return remove(path);
}

static int enter(void **state)
{
    char path[] = "/tmp/kura-export-XXXXXX";
    cli_stay_unconfined();
    if (sodium_init() < 0 || mkdtemp(path) == NULL || chdir(path) != 0) {
        return -1;
    }
    *state = strdup(path);
    return 0;
}

static int leave(void **state)
{
    int failed = chdir("/") != 0 || nftw(*state, remove_entry, 8, FTW_DEPTH | FTW_PHYS) != 0;
    free(*state);
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_cell_is_a_formula)};
    return cmocka_run_group_tests(tests, enter, leave);
}
