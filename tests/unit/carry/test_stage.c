/* stage: what a data set holds is counted by persons, written so that a spreadsheet shows it, and
 * sealed so that age and 7-Zip open it, and nobody else. */
#include "carry_world.h"
#include "carry/data_set.h"
#include <sys/stat.h>
#include <unistd.h>

static struct world world;
static struct config config;
static struct config_source sources[2];
static struct policy_person_column persons[2] = {
    {(char *)(uintptr_t) "id", (char *)(uintptr_t) "customer", false},
    {(char *)(uintptr_t) "family", (char *)(uintptr_t) "family", false}};
static struct policy_field fields[3] = {
    {(char *)(uintptr_t) "id", (char *)(uintptr_t) "opaque"},
    {(char *)(uintptr_t) "name", (char *)(uintptr_t) "name"},
    {(char *)(uintptr_t) "family", (char *)(uintptr_t) "opaque"}};
static struct policy_parameter parameters[1] = {{(char *)(uintptr_t) "most", PARAMETER_INTEGER}};

static int make(void **state)
{
    (void)state;
    struct error error = {0};
    static char database[128], tree[128];
    if (base_start(&error) != STATUS_OK) {
        return -1;
    }
    world_make(&world);
    snprintf(database, sizeof database, "%s/c.db", world.folder);
    snprintf(tree, sizeof tree, "%s/documents", world.folder);
    shell("sqlite3 %s \"CREATE TABLE c(id INT, name TEXT, family INT, secret TEXT);"
          "INSERT INTO c VALUES (1,'佐藤',NULL,'x'),(1,'佐藤',11,'x'),(2,'=1+1',12,'x'),"
          "(NULL,'who, \\\"quoted\\\"',NULL,'x'),(3,'-5',11,'x');\"",
          database);
    shell("mkdir -p %s/1/deep %s/3 && echo one >%s/1/a.PDF && echo two >%s/1/deep/'..x' && "
          "echo three >%s/3/b.tif && ln -s /etc %s/2",
          tree, tree, tree, tree, tree, tree);
    sources[0] = (struct config_source){
        .name = (char *)(uintptr_t) "customers", .kind = SOURCE_SQLITE, .path = database};
    sources[1] = (struct config_source){
        .name = (char *)(uintptr_t) "documents", .kind = SOURCE_TREE, .path = tree};
    config = (struct config){.sources = sources, .source_count = 2};
    return 0;
}

static int drop(void **state)
{
    (void)state;
    world_free(&world);
    return 0;
}

#define SQL "SELECT id, name, family FROM c WHERE id IS NULL OR id <= :most"

static struct policy_data_set data_set(const char *sql)
{
    return (struct policy_data_set){.name = (char *)(uintptr_t) "visits",
                                    .source = (char *)(uintptr_t) "customers",
                                    .sql = (char *)(uintptr_t)sql,
                                    .parameters = parameters,
                                    .parameter_count = 1,
                                    .persons = persons,
                                    .person_count = 2,
                                    .fields = fields,
                                    .field_count = 3,
                                    .max_rows = 100,
                                    .timeout = 5};
}

static const char *const most_three[] = {"most=3", NULL};

static struct stage_options options_of(const struct policy_data_set *set)
{
    return (struct stage_options){.config = &config,
                                  .host = &world.host,
                                  .policy = &world.policy.policy,
                                  .set = set,
                                  .destination = &world.policy.policy.destinations[0],
                                  .parameters = most_three,
                                  .carry = "C-20261122-AAAAAA",
                                  .folder = world.folder};
}

static void test_persons_not_rows(void **state)
{
    (void)state;
    struct error must_error = {0};
    CLEANUP(data_set_free) struct data_set read = {0};
    const struct policy_data_set set = data_set(SQL);
    const struct stage_options options = options_of(&set);
    MUST(data_set_read(&read, &options, &must_error));
    assert_int_equal(read.rows, 5);
    /* Customers 1, 2, 3; family members 11, 12; and the row that names nobody. */
    assert_int_equal(persons_count(&read.persons), 6);
    assert_string_equal(read.fields[1], "name:name");
    static const char expected[] = "\xef\xbb\xbfid,name,family\r\n"
                                   "1,佐藤,\r\n1,佐藤,11\r\n2,\"'=1+1\",12\r\n"
                                   ",\"who, \"\"quoted\"\"\",\r\n3,-5,11\r\n";
    assert_int_equal(read.csv.size, sizeof expected - 1);
    assert_memory_equal(read.csv.data, expected, sizeof expected - 1);
}

static void test_cells(void **state)
{
    (void)state;
    static const struct {
        const char *text, *cell;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""},
        {"+81", "+81"},
        {"+81-3", "\"'+81-3\""},
        {"-1.5", "-1.5"},
        {"-", "\"'-\""},
        {"@x", "\"'@x\""},
        {"\tx", "\"'\tx\""},
        {"a\nb", "\"a\nb\""},
        {"a,b", "\"a,b\""},
        {"\"", "\"\"\"\""},
        {"a;b", "\"a;b\""},
        {"1=1", "1=1"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct error must_error = {0};
        CLEANUP(buffer_free) struct buffer csv = {0};
        MUST(csv_append(&csv, cases[i].text, strlen(cases[i].text), &must_error));
        MUST(buffer_append_u8(&csv, 0, &must_error));
        if (strcmp(cases[i].text, "+81") != 0) { /* a + before digits is shown as text */
            assert_string_equal((char *)csv.data, cases[i].cell);
        } else {
            assert_string_equal((char *)csv.data, "\"'+81\"");
        }
    }
}

static void expect_refused(const struct stage_options *options, enum status wanted,
                           const char *rule)
{
    CLEANUP(data_set_free) struct data_set read = {0};
    struct error error = {0};
    enum status status = data_set_read(&read, options, &error);
    if (status != wanted || strstr(error.message, rule) == NULL) {
        fail_msg("%s: %d %s", rule, (int)status, error.message);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    const struct {
        const char *sql, *rule;
        enum status status;
    } cases[] = {
        {"SELECT id, name, family, secret FROM c WHERE id < :most", "[unclassed]", STATUS_REFUSED},
        {"SELECT name, family FROM c WHERE id < :most", "[persons-column]", STATUS_REFUSED},
        {"DELETE FROM c WHERE id = :most", "SQL", STATUS_USAGE},
        {"SELECT id, name, family FROM c WHERE id < :most; DELETE FROM c", "more than one",
         STATUS_USAGE},
        {"ATTACH :most AS x", "SQL", STATUS_USAGE},
        {"PRAGMA writable_schema = 1", "SQL", STATUS_USAGE},
        {"SELECT id, name, family FROM c WHERE id < :other", "not described", STATUS_USAGE},
        {"SELECT id, name, family FROM nowhere", "no such table", STATUS_USAGE},
        {"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS id, 'x' AS "
         "name, 1 AS family FROM n WHERE :most",
         "[rows]", STATUS_REFUSED},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const struct policy_data_set set = data_set(cases[i].sql);
        const struct stage_options options = options_of(&set);
        expect_refused(&options, cases[i].status, cases[i].rule);
    }
    struct policy_data_set set =
        data_set("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) "
                 "AS id, 'x' AS name, 1 AS family FROM n WHERE :most");
    set.timeout = 1;
    struct stage_options options = options_of(&set);
    expect_refused(&options, STATUS_REFUSED, "[timeout]");

    fields[1].class = (char *)(uintptr_t) "sensitive";
    set = data_set(SQL);
    expect_refused(&options, STATUS_REFUSED, "[sensitive]");
    fields[1].class = (char *)(uintptr_t) "name";

    set.source = (char *)(uintptr_t) "nowhere";
    expect_refused(&options, STATUS_REFUSED, "[data-set]");
    set = data_set("SELECT id, zeroblob(513) AS name, family FROM c WHERE id < :most");
    expect_refused(&options, STATUS_REFUSED, "[binary]");

    static const char *const wrong[][3] = {
        {NULL}, {"most=x", NULL}, {"most=1", "more=2", NULL}, {"most=1", "most=2", NULL}};
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        options.parameters = wrong[i];
        expect_refused(&options, STATUS_REFUSED, "[parameters]");
    }
}

/* What a row says is one folder below the pattern's, and no way elsewhere. */
static void test_document_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *path, *class, *rule;
    } cases[] = {
        {SQL, NULL, NULL, "[documents]"},
        {SQL, "{id}", "sensitive", "[sensitive]"},
        {SQL, "{plate}", "name", "[documents-path]"},
        {SQL, "{id", "name", "[documents-path]"},
        {"SELECT id, '../2' AS name, family FROM c WHERE id < :most", "{name}", "name",
         "[documents-path]"},
        {"SELECT id, '2/x' AS name, family FROM c WHERE id < :most", "{name}", "name",
         "[documents-path]"},
        {"SELECT id, '..' AS name, family FROM c WHERE id < :most", "{name}", "name",
         "[documents-path]"},
        {"SELECT id, printf('%05000d', id) AS name, family FROM c WHERE id < :most", "{name}",
         "name", "[documents-path]"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct policy_data_set set = data_set(cases[i].sql);
        set.documents_source = (char *)(uintptr_t) "documents";
        set.documents_path = (char *)(uintptr_t)cases[i].path;
        set.documents_class = (char *)(uintptr_t)cases[i].class;
        struct stage_options options = options_of(&set);
        options.documents = true;
        expect_refused(&options, STATUS_REFUSED, cases[i].rule);
    }
}

static void stage_to(struct staged *staged, const struct stage_options *options)
{
    struct error must_error = {0};
    char path[128];
    MUST(carry_stage(staged, options, &must_error));
    struct stat facts;
    snprintf(path, sizeof path, "%s/artefact", world.folder);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_int_equal(facts.st_size, staged->size);
    snprintf(path, sizeof path, "%s/artefact.partial", world.folder);
    assert_int_equal(access(path, F_OK), -1);
}

static void write_identity(void)
{
    struct error must_error = {0};
    CLEANUP(secret_text_free) struct secret_text text = {0};
    char path[128];
    MUST(secret_text_new(&text, 128, &must_error));
    MUST(age_identity_format(&text, &world.manager, &must_error));
    snprintf(path, sizeof path, "%s/m.key", world.folder);
    MUST(file_write(path, text.text, text.size, 0600, FILE_REPLACE_EXISTING, &must_error));
}

static void test_age_opens(void **state)
{
    (void)state;
    CLEANUP(staged_free) struct staged staged = {0};
    struct policy_data_set set = data_set(SQL);
    set.documents_source = (char *)(uintptr_t) "documents";
    set.documents_path = (char *)(uintptr_t) "{id}";
    set.documents_class = (char *)(uintptr_t) "name";
    struct stage_options options = options_of(&set);
    options.documents = true;
    write_identity();
    /* A customer's folder that is a link elsewhere is not followed. */
    struct error error = {0};
    assert_int_not_equal(carry_stage(&staged, &options, &error), STATUS_OK);
    shell("rm %s/documents/2", world.folder);
    stage_to(&staged, &options);
    assert_int_equal(staged.documents, 3);
    assert_string_equal(staged.fields[3], "documents/:name"); /* the approver sees it, too */
    assert_null(staged.fields[4]);
    shell("cd %s && mkdir -p out && age -d -i m.key artefact | tar -x -C out && "
          "test \"$(cat out/documents/00000[123].pdf)\" = one && "
          "test $(ls out/documents | wc -l) = 3 && "
          "grep -q 'documents/00000[123].tif,3/b.tif' out/documents.csv && "
          "test $(wc -l <out/data.csv) = 6 && b2sum -l 256 artefact >sum",
          world.folder);
    char hex[2 * DIGEST_SIZE + 1], line[128] = "", path[128];
    snprintf(path, sizeof path, "%s/sum", world.folder);
    FILE *sum = fopen(path, "r");
    assert_non_null(fgets(line, sizeof line, sum));
    fclose(sum);
    assert_memory_equal(line, hex_encode(hex, staged.digest, DIGEST_SIZE), 64);
    /* The reader and the manager; here they are one. */
    assert_non_null(staged.recipients[1]);
    assert_null(staged.recipients[2]);
}

static void test_zip(void **state)
{
    (void)state;
    CLEANUP(staged_free) struct staged staged = {0};
    const struct policy_data_set set = data_set(SQL);
    struct stage_options options = options_of(&set);
    char path[128];
    struct error must_error = {0};
    options.zip = true;
    write_identity();
    stage_to(&staged, &options);
    assert_non_null(staged.sealed_passphrase);
    snprintf(path, sizeof path, "%s/pass.age", world.folder);
    MUST(file_write(path, staged.sealed_passphrase, strlen(staged.sealed_passphrase), 0600,
                    FILE_REPLACE_EXISTING, &must_error));
    shell("cd %s && rm -rf z && mkdir z && 7z l artefact | grep -q C-20261122-AAAAAA.tar && "
          "! 7z l artefact | grep -q data.csv && "
          "! 7z x -y -pwrong -oz artefact >/dev/null 2>&1 && rm -rf z && "
          "7z x -y -p\"$(age -d -i m.key pass.age)\" -oz artefact >/dev/null && "
          "tar -xOf z/C-20261122-AAAAAA.tar data.csv | grep -q 佐藤",
          world.folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_persons_not_rows), cmocka_unit_test(test_cells),
        cmocka_unit_test(test_refusals),         cmocka_unit_test(test_document_refusals),
        cmocka_unit_test(test_age_opens),        cmocka_unit_test(test_zip),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
