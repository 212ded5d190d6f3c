/* config: what parses, and that every mistake is told with its line and key. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kura/config.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[PATH_MAX];
static char file[PATH_MAX + 20];

static int set_up(void **state)
{
    (void)state;
    char template[] = "/tmp/kura-config-XXXXXX";
    assert_non_null(mkdtemp(template));
    assert_non_null(realpath(template, folder));
    snprintf(file, sizeof file, "%s/kura.yaml", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(file);
    return rmdir(folder);
}

static enum status read_bytes(struct config *config, const char *text, size_t size,
                              struct error *error)
{
    FILE *stream = fopen(file, "w");
    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
    return config_read(config, file, error);
}

static void assert_path(const char *path, const char *name)
{
    char wanted[PATH_MAX + 100];
    snprintf(wanted, sizeof wanted, "%s/%s", folder, name);
    assert_string_equal(path, wanted);
}

static const char contract[] =
    "repository:\n"
    "  host_key: host.key                      # made by init, 0600\n"
    "  state: state                            # spool, journal, content map\n"
    "  recipients: [keys/manager.pub]          # besides the recovery recipient\n"
    "  stores:\n"
    "    - name: offsite\n"
    "      url: sftp://kura@127.0.0.1:2222/vault      # or a folder: /mnt/nas/kura\n"
    "      identity_file: keys/offsite_ed25519\n"
    "      known_hosts: keys/known_hosts\n"
    "sources:\n"
    "  - { name: customers, sqlite: /srv/shop/customers.db }\n"
    "  - { name: documents, tree: /srv/shop/documents, exclude: [\"*.tmp\"] }\n"
    "  - { name: ledger, command: [\"mariadb-dump\", \"ledger\"] }\n";

static void test_the_contract_parses(void **state)
{
    (void)state;
    struct config config;
    struct error error = {0};
    assert_int_equal(read_bytes(&config, contract, strlen(contract), &error), STATUS_OK);
    assert_path(config.path, "kura.yaml");
    assert_path(config.host_key, "host.key");
    assert_path(config.state, "state");
    assert_path(config.recipients[0], "keys/manager.pub");
    assert_null(config.recipients[1]);
    assert_int_equal(config.store_count, 1);
    assert_string_equal(config.stores[0].name, "offsite");
    assert_string_equal(config.stores[0].url, "sftp://kura@127.0.0.1:2222/vault");
    assert_path(config.stores[0].identity_file, "keys/offsite_ed25519");
    assert_path(config.stores[0].known_hosts, "keys/known_hosts");
    assert_int_equal(config.source_count, 3);
    assert_int_equal(config.sources[0].kind, SOURCE_SQLITE);
    assert_string_equal(config.sources[0].path, "/srv/shop/customers.db");
    assert_int_equal(config.sources[1].kind, SOURCE_TREE);
    assert_string_equal(config.sources[1].exclude[0], "*.tmp");
    assert_null(config.sources[1].exclude[1]);
    assert_int_equal(config.sources[2].kind, SOURCE_COMMAND);
    assert_string_equal(config.sources[2].command[1], "ledger");
    assert_null(config.sources[2].command[2]);
    assert_ptr_equal(config_find_source(&config, "ledger"), &config.sources[2]);
    assert_null(config_find_source(&config, "ledge"));
    assert_int_equal(config.compression, 3);
    assert_int_equal(config.due_hours, 26);
    assert_int_equal(config.spool_limit, 8ULL << 30);
    config_free(&config);
}

#define STORE                                                                                      \
    "repository:\n"                                                                                \
    "  host_key: /h\n"                                                                             \
    "  stores: [{name: a, url: ../vault}]\n"

#define DATABASE STORE "sources:\n - {name: d, sqlite: d.db}\n - {name: t, tree: docs}\n"

static void test_all_settings(void **state)
{
    (void)state;
    static const char text[] = STORE "compression: 9\ndue_hours: 50\nspool_limit: 512M\n"
                                     "retention: {daily: 7, weekly: 4, monthly: 12, yearly: 3}\n"
                                     "sources:\n - {name: t, tree: docs, one_file_system: true}\n";
    struct config config;
    struct error error = {0};
    assert_int_equal(read_bytes(&config, text, strlen(text), &error), STATUS_OK);
    assert_string_equal(config.host_key, "/h");
    assert_string_equal(config.state, CONFIG_DEFAULT_STATE);
    assert_path(config.stores[0].url, "../vault");
    assert_int_equal(config.compression, 9);
    assert_int_equal(config.due_hours, 50);
    assert_int_equal(config.spool_limit, 512ULL << 20);
    assert_int_equal(config.retention.daily, 7);
    assert_int_equal(config.retention.yearly, 3);
    assert_true(config.sources[0].one_file_system);
    assert_path(config.sources[0].path, "docs");
    config_free(&config);
}

static void test_postgres(void **state)
{
    (void)state;
    static const char text[] =
        STORE "sources:\n - {name: a, postgres: service=shop}\n"
              " - {name: b, postgres: \"host=h\", large_objects: no, globals: yes, "
              "lock_timeout: 5, pg_dump: bin/pg_dump}\n";
    struct config config;
    struct error error = {0};
    assert_int_equal(read_bytes(&config, text, strlen(text), &error), STATUS_OK);
    assert_int_equal(config.sources[0].kind, SOURCE_POSTGRES);
    const struct config_postgres *postgres = &config.sources[0].postgres;
    assert_string_equal(postgres->connection, "service=shop");
    assert_true(postgres->large_objects && !postgres->globals && postgres->pg_dump == NULL);
    assert_int_equal(postgres->lock_timeout, CONFIG_DEFAULT_LOCK_TIMEOUT);
    postgres = &config.sources[1].postgres;
    assert_string_equal(postgres->connection, "host=h");
    assert_true(!postgres->large_objects && postgres->globals);
    assert_int_equal(postgres->lock_timeout, 5);
    assert_path(postgres->pg_dump, "bin/pg_dump");
    config_free(&config);
}

#define ERASURE                                                                                    \
    STORE "sources:\n  - {name: customers, sqlite: a}\n  - {name: documents, tree: b}\nerasure:\n"

static void test_together(void **state)
{
    (void)state;
    static const char text[] =
        STORE "sources:\n  - {name: a, sqlite: /s/a.db}\n  - {name: b, tree: /s/a}\n"
              "together: {sources: [b, a], before: [x, \"on\"]}\n";
    struct config config;
    struct error error = {0};
    assert_int_equal(read_bytes(&config, text, strlen(text), &error), STATUS_OK);
    assert_string_equal(config.together.sources[0], "b");
    assert_string_equal(config.together.sources[1], "a");
    assert_null(config.together.sources[2]);
    assert_string_equal(config.together.before[1], "on");
    assert_null(config.together.before[2]);
    assert_null(config.together.after);
    assert_int_equal(config.together.timeout, 60);
    config_free(&config);
}

static void test_what_erasing_means(void **state)
{
    (void)state;
    static const char text[] = ERASURE
        "  - { domain: customer, source: customers, sql: [\"DELETE FROM a WHERE b = :id\", "
        "\":id\"] }\n"
        "  - { domain: customer, source: documents, paths: [\"scans/{id}\", \"*-{id}.pdf\"] }\n";
    struct config config;
    struct error error = {0};
    if (read_bytes(&config, text, strlen(text), &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(config.erasure_count, 2);
    assert_string_equal(config.erasures[0].domain, "customer");
    assert_string_equal(config.erasures[0].source, "customers");
    assert_string_equal(config.erasures[0].sql[0], "DELETE FROM a WHERE b = :id");
    assert_string_equal(config.erasures[0].sql[1], ":id");
    assert_null(config.erasures[0].sql[2]);
    assert_null(config.erasures[0].paths[0]);
    assert_null(config.erasures[1].sql[0]);
    assert_string_equal(config.erasures[1].paths[1], "*-{id}.pdf");
    config_free(&config);
}

/* A text, and what the message must contain. */
struct mistake {
    const char *text;
    const char *line;
    const char *key;
};

#define PAIR STORE "sources:\n  - {name: a, sqlite: /s/a.db}\n  - {name: b, tree: /s}\n"

static const struct mistake mistakes[] = {
    {PAIR "together: {sources: [a, b]}\n", "line 7:", "they cannot be taken together"},
    {PAIR "together: {sources: [a]}\n", "line 7:", "\"together.sources\" must name two"},
    {PAIR "together: {before: [x]}\n", "line 7:", "\"together.sources\" must name two"},
    {PAIR "together:\n  sources: [a, c]\n", "line 8:", "there is no source \"c\""},
    {PAIR "together:\n  sources: [b, b]\n", "line 8:", "\"b\" is there already"},
    {PAIR "together:\n  sources: [a, b]\n  timeout: 0\n",
     "line 9:", "\"together.timeout\" must be from 1 to 86400"},
    {PAIR "together:\n  sources: [a, b]\n  before: x\n",
     "line 9:", "\"together.before\" must be a list"},
    {STORE "sources:\n  - name: x\n    sqlit: y\n", "line 6:", "unknown key \"sqlit\""},
    {STORE "retentoin: {}\n", "line 4:", "\"retentoin\""},
    {"repository:\n  host_key: h\n  stores:\n    - name: a\n      url: /x\n      prot: 22\n",
     "line 6:", "\"prot\""},
    {STORE "sources:\n  - name: x\n    tree: [a]\n",
     "line 6:", "\"sources[0].tree\" must be a text"},
    {STORE "sources: {a: b}\n", "line 4:", "\"sources\" must be a list"},
    {STORE "sources:\n  - name: x\n    tree: y\n  - z\n",
     "line 7:", "\"sources[1]\" must be a group"},
    {STORE "sources:\n  - {name: x, command: ls}\n",
     "line 5:", "\"sources[0].command\" must be a list"},
    {STORE "sources:\n  - name: x\n    tree: y\n    exclude: [a, [b]]\n",
     "line 7:", "\"sources[0].exclude[1]\""},
    {STORE "sources:\n  - name: x\n    tree: y\n    one_file_system: maybe\n",
     "line 7:", "\"sources[0].one_file_system\" must be true or false"},
    {STORE "sources:\n  - name: x\n    tree: y\n    globals: yes\n",
     "line 7:", "\"globals\" goes with \"postgres\" only"},
    {STORE "sources:\n  - name: x\n    postgres: y\n    exclude: [a]\n",
     "line 7:", "\"exclude\" goes with \"tree\" only"},
    {STORE "sources:\n  - name: x\n    postgres: y\n    lock_timeout: 0\n",
     "line 7:", "lock_timeout\" must be from 1 to 86400"},
    {STORE "sources:\n  - name: x\n    tree: y\n    timeout: 5\n",
     "line 7:", "\"timeout\" goes with \"command\" only"},
    {STORE "sources:\n  - {name: x, postgres: y, sqlite: z}\n", "line 5:", "more than one of"},
    {STORE "due_hours: soon\n", "line 4:", "\"due_hours\" must be a whole number"},
    {STORE "due_hours: -1\n", "line 4:", "\"due_hours\""},
    {STORE "due_hours: 0\n", "line 4:", "\"due_hours\" must be from 1 to"},
    {STORE "due_hours: 99999999999999999999\n", "line 4:", "\"due_hours\""},
    {STORE "due_hours:\n", "line 4:", "\"due_hours\""},
    {STORE "compression: 20\n", "line 4:", "\"compression\""},
    {STORE "compression: 0\n", "line 4:", "\"compression\""},
    {STORE "spool_limit: 8X\n", "line 4:", "\"spool_limit\""},
    {STORE "spool_limit: 99999999999T\n", "line 4:", "\"spool_limit\""},
    {STORE "spool_limit: \" 5\"\n", "line 4:", "\"spool_limit\""},
    {STORE "retention: {daily: 10001}\n", "line 4:", "\"retention.daily\""},
    {STORE "sources:\n  - {name: x, tree: a}\n  - {name: x, tree: b}\n",
     "line 6:", "another source \"x\""},
    {STORE "sources:\n  - name: x\n    tree: a\n    sqlite: b\n", "line 5:", "more than one of"},
    {STORE "sources:\n  - name: x\n", "line 5:", "none of \"sqlite\""},
    {STORE "sources:\n  - {name: x, command: []}\n", "line 5:", "none of"},
    {STORE "sources:\n  - tree: a\n", "line 5:", "\"name\" is missing"},
    {STORE "sources:\n  - tree: a\n    name: a/b\n", "line 6:", "\"a/b\" is not a good name"},
    {STORE "sources:\n  - {name: .., tree: a}\n", "line 5:", "not a good name"},
    {STORE "sources:\n  - {name: .a, tree: a}\n", "line 5:", "not a good name"},
    {STORE "sources:\n  - {name: \"\", tree: a}\n", "line 5:", "not a good name"},
    {STORE "sources:\n  - {name: \"a\\nb\", tree: a}\n", "line 5:", "not a good name"},
    {STORE "sources:\n  - {name: "
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, tree: a}\n",
     "line 5:", "not a good name"},
    {STORE "sources:\n  - {name: x, tree: \"\"}\n", "line 5:", "\"sources[0].tree\" is empty"},
    {STORE "sources:\n  - {name: x, tree: ~/documents}\n", "line 5:", "'~'"},
    {STORE "sources:\n  - name: x\n    sqlite: a\n    exclude: [b]\n",
     "line 7:", "\"exclude\" goes with"},
    {STORE "sources:\n  - name: x\n    command: [a]\n    one_file_system: false\n",
     "line 7:", "\"one_file_system\" goes with"},
    {STORE "sources:\n  - {name: x, tree: y, exclude: [\"\"]}\n", "line 5:", "exclude[0]"},
    {STORE "sources:\n  - {name: x, command: [\"\"]}\n", "line 5:", "command[0]"},
    {"sources: []\n", "", "\"repository.host_key\" is missing"},
    {"", "", "\"repository.host_key\" is missing"},
    {"# only words\n", "", "\"repository.host_key\" is missing"},
    {"repository: {host_key: h}\n", "line 1:", "\"repository.stores\" is missing"},
    {"repository:\n  host_key: h\n  stores: []\n",
     "line 3:", "\"repository.stores\" is missing or empty"},
    {"repository:\n  host_key: h\n  stores:\n   - {name: a, url: /a}\n   - {name: b, url: /b}\n",
     "line 5:", "only one store"},
    {"repository:\n  host_key: h\n  stores: [{name: a, url: s3://x}]\n", "line 3:", "s3://x"},
    {"repository:\n  host_key: h\n  stores: [{name: a}]\n", "line 3:", "\"url\" is missing"},
    {"repository:\n  host_key: h\n  stores: [{url: /a}]\n", "line 3:", "\"name\" is missing"},
    {"repository:\n  host_key: h\n  stores: [{name: a, url: /a, connections: 17}]\n",
     "line 3:", "connections"},
    {"repository:\n  host_key: h\n  stores: [{name: a, url: /a, timeout: 0}]\n",
     "line 3:", "timeout"},
    {"repository:\n  host_key: h\n  trusted_key: abc\n  stores: [{name: a, url: /a}]\n",
     "line 3:", "\"trusted_key\""},
    {ERASURE "  - {source: customers, sql: [\":id\"]}\n", "line 8:", "\"domain\" is missing"},
    {ERASURE "  - {domain: d, sql: [\":id\"]}\n", "line 8:", "\"source\" is missing"},
    {ERASURE "  - domain: \"\"\n    source: customers\n    sql: [\":id\"]\n",
     "line 8:", "\"erasure[0].domain\""},
    {ERASURE "  - domain: d\n    source: cars\n    sql: [\":id\"]\n",
     "line 9:", "no source \"cars\""},
    {ERASURE "  - {domain: d, source: customers}\n", "line 8:", "neither \"sql\" nor \"paths\""},
    {ERASURE "  - {domain: d, source: documents, sql: [\":id\"]}\n",
     "line 8:", "goes with a database only"},
    {ERASURE "  - {domain: d, source: customers, paths: [\"{id}\"]}\n",
     "line 8:", "\"paths\" goes with \"tree\" only"},
    {ERASURE "  - domain: d\n    source: customers\n    sql:\n      - DELETE FROM a\n",
     "line 11:", "\"erasure[0].sql[0]\" has no parameter :id"},
    {ERASURE "  - domain: d\n    source: documents\n    paths:\n      - \"{id}\"\n      - scans\n",
     "line 12:", "\"erasure[0].paths[1]\" has no {id}"},
    {ERASURE "  - {domain: d, source: documents, paths: [\"/{id}\"]}\n",
     "line 8:", "not a path within the source"},
    {ERASURE "  - {domain: d, source: documents, paths: [\"../{id}\"]}\n",
     "line 8:", "not a path within the source"},
    {ERASURE "  - {domain: d, source: documents, paths: [\"a//{id}\"]}\n",
     "line 8:", "not a path within the source"},
    {ERASURE "  - {domain: d, source: documents, paths: [\"*{id}\"]}\n",
     "line 8:", "other persons, too"},
    {ERASURE "  - {domain: d, source: documents, paths: [\"{id}?\"]}\n",
     "line 8:", "other persons, too"},
    {ERASURE "  - {domain: d, source: documents, paths: [\"{id}{id}\"]}\n",
     "line 8:", "other persons, too"},
    {ERASURE "  - {domain: d, source: documents, path: [\"{id}\"]}\n", "line 8:", "\"path\""},
    {STORE "due_hours: 3\ndue_hours: 4\n", "line 5:", "\"due_hours\" is given twice"},
    {STORE "sources:\n  - name: a\n    tree: x\n    name: b\n",
     "line 7:", "\"sources[0].name\" is given twice"},
    {STORE "---\na: b\n", "line 4:", "second document"},
    {STORE "sources: &a []\nretention: *a\n", "line 5:", "aliases"},
    {STORE "sources:\n  - {name: x, command: [\"a\\0b\"]}\n", "line 5:", "NUL"},
    {STORE "sources:\n\t- name: x\n", "line 5:", "not YAML"},
    {STORE "sources: [\n", "line ", "not YAML"},
    {STORE "compression: \xff\n", "line ", "not YAML"},
    {STORE "[[[[[[[[[[[[]]]]]]]]]]]]: x\n", "line 4:", ""},
    {STORE "sources: [[[[[[[[[[[[]]]]]]]]]]]]\n", "line 4:", "too many levels"},
    {STORE "? [a]\n: b\n", "line 4:", "plain word"},
    {DATABASE "persons:\n - {domain: a, source: t, sql: SELECT 1}\n",
     "line 8:", "\"persons[0].source\": the source \"t\" is not a database"},
    {DATABASE "persons:\n - {domain: a, source: d, sql: S}\n - {domain: a, source: x, sql: S}\n",
     "line 9:", "\"persons[1].source\": there is no source \"x\""},
    {DATABASE "persons:\n - {domain: a, source: d, sql: \" ; \"}\n",
     "line 8:", "\"persons[0].sql\" is missing or empty"},
    {DATABASE "persons:\n - {domain: a, source: d}\n",
     "line 8:", "\"persons[0].sql\" is missing or empty"},
    {DATABASE "persons:\n - {source: d, sql: S}\n", "line 8:", "\"persons[0].domain\" is missing"},
    {DATABASE "persons:\n - {domain: a b, source: d, sql: S}\n", "line 8:", "\"a b\""},
    {DATABASE "persons:\n - {domain: a, sql: S}\n", "line 8:", "\"persons[0].source\" is missing"},
    {"- a\n", "", "must be a group of keys"},
    {"word\n", "", "must be a group of keys"},
};

static void test_persons(void **state)
{
    (void)state;
    static const char text[] =
        DATABASE "persons:\n"
                 " - {domain: customer, source: d, sql: SELECT id FROM customers}\n"
                 " - domain: contact\n"
                 "   source: d\n"
                 "   sql: |\n"
                 "     SELECT id\n"
                 "       FROM contacts\n";
    struct config config;
    struct error error = {0};
    assert_int_equal(read_bytes(&config, text, strlen(text), &error), STATUS_OK);
    assert_int_equal(config.sources[0].person_count, 2);
    assert_string_equal(config.sources[0].persons[0].domain, "customer");
    assert_string_equal(config.sources[0].persons[0].sql, "SELECT id FROM customers");
    assert_string_equal(config.sources[0].persons[1].domain, "contact");
    assert_int_equal(config.sources[1].person_count, 0);
    assert_true(config_is_database(&config.sources[0]));
    assert_false(config_is_database(&config.sources[1]));
    config_forget_persons(&config);
    assert_int_equal(config.sources[0].person_count, 0);
    config_free(&config);
}

static void test_mistakes_name_line_and_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(mistakes); i++) {
        struct config config;
        struct error error = {0};
        enum status status =
            read_bytes(&config, mistakes[i].text, strlen(mistakes[i].text), &error);
        if (status != STATUS_USAGE || strstr(error.message, mistakes[i].line) == NULL ||
            strstr(error.message, mistakes[i].key) == NULL ||
            strstr(error.message, "kura.yaml") == NULL) {
            fail_msg("%s\ngave %d: %s\nwanted %s %s", mistakes[i].text, status, error.message,
                     mistakes[i].line, mistakes[i].key);
        }
    }
}

static void test_unknown_keys_are_answered_with_the_known_ones(void **state)
{
    (void)state;
    static const char text[] = STORE "sources:\n  - name: x\n    sqlit: y\n";
    struct config config;
    struct error error = {0};
    assert_int_equal(read_bytes(&config, text, strlen(text), &error), STATUS_USAGE);
    assert_non_null(strstr(error.hint, "sqlite"));
    assert_null(strstr(error.hint, "host_key"));
    static const char dotted[] = STORE "host.key: x\n";
    assert_int_equal(read_bytes(&config, dotted, strlen(dotted), &error), STATUS_USAGE);
    assert_non_null(strstr(error.hint, "repository, sources"));
}

static void test_a_file_that_cannot_be_read_is_a_usage_error(void **state)
{
    (void)state;
    struct config config;
    struct error error = {0};
    assert_int_equal(config_read(&config, "/nonexistent/kura.yaml", &error), STATUS_USAGE);
    assert_non_null(strstr(error.message, "/nonexistent/kura.yaml"));
    assert_non_null(strstr(error.hint, "-c FILE"));
    char *big = malloc(CONFIG_SIZE_LIMIT + 2);
    assert_non_null(big);
    memset(big, '#', CONFIG_SIZE_LIMIT + 2);
    assert_int_equal(read_bytes(&config, big, CONFIG_SIZE_LIMIT + 2, &error), STATUS_USAGE);
    free(big);
}

static void test_too_many_entries_are_refused(void **state)
{
    (void)state;
    enum { SIZE = 200000 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    memset(text, ',', SIZE);
    for (size_t i = 4; i < SIZE; i += 2) {
        text[i] = 'b';
    }
    static const char begin[] = {'a', ':', ' ', '['};
    memcpy(text, begin, sizeof begin);
    struct config config;
    struct error error = {0};
    assert_int_equal(read_bytes(&config, text, SIZE, &error), STATUS_USAGE);
    assert_non_null(strstr(error.message, "too many entries"));
    free(text);
}

static void test_relative_file_name(void **state)
{
    (void)state;
    char before[PATH_MAX];
    assert_non_null(getcwd(before, sizeof before));
    struct config config;
    struct error error = {0};
    assert_int_equal(read_bytes(&config, contract, strlen(contract), &error), STATUS_OK);
    config_free(&config);
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(config_read(&config, "kura.yaml", &error), STATUS_OK);
    assert_path(config.path, "kura.yaml");
    assert_path(config.host_key, "host.key");
    config_free(&config);
    assert_int_equal(chdir(before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_contract_parses),
        cmocka_unit_test(test_all_settings),
        cmocka_unit_test(test_postgres),
        cmocka_unit_test(test_persons),
        cmocka_unit_test(test_together),
        cmocka_unit_test(test_what_erasing_means),
        cmocka_unit_test(test_mistakes_name_line_and_key),
        cmocka_unit_test(test_unknown_keys_are_answered_with_the_known_ones),
        cmocka_unit_test(test_a_file_that_cannot_be_read_is_a_usage_error),
        cmocka_unit_test(test_too_many_entries_are_refused),
        cmocka_unit_test(test_relative_file_name),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
