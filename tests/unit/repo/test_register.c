/* The register of erasures: what is written is read on a bare machine; what is dropped is missed;
 * what is forged, spoilt, or of a revoked host is told and not obeyed. */
#include "repo_world.h"

#include "../../../src/repo/register_private.h"

static char customer[] = "customer", number[] = "4711", reason[] = "by letter", clerk[] = "sato";
static char database[] = "customers", tree[] = "documents";
static char sql[] = "DELETE FROM visits WHERE customer_id = :id", pattern[] = "scans/{id}";
static char *statements[] = {sql, NULL}, *patterns[] = {pattern, NULL}, *nothing[] = {NULL};
static struct erasure_rule rules[] = {{database, statements, nothing}, {tree, nothing, patterns}};

static struct erasure make_erasure(char *value)
{
    return (struct erasure){.domain = customer,
                            .value = value,
                            .reason = reason,
                            .by = clerk,
                            .rules = rules,
                            .rule_count = LENGTH(rules)};
}

static struct erasure put_erasure_as(const struct world *world, struct repo *repo, char *value,
                                     const struct minisign_secret *manager)
{
    struct error error = {0};
    struct erasure erasure = make_erasure(value);
    const struct register_writing writing = {
        .recipients = &world->identity.recipient, .recipient_count = 1, .manager = manager};
    assert_good(register_write(&erasure, repo, &writing, &error));
    return erasure;
}

static struct erasure put_erasure(const struct world *world, char *value)
{
    return put_erasure_as(world, world->repo, value, NULL);
}

/* What a repo that was opened so finds. The list is that of the statements. */
static struct erasure_register read_as(const struct repo_access *access)
{
    struct error error = {0};
    struct repo *repo;
    struct snapshot_list list;
    struct erasure_register entries;
    assert_good(repo_open(&repo, access, &error));
    assert_good(repo_list(&list, repo, &error));
    assert_good(register_read(&entries, repo, &list, &error));
    snapshot_list_free(&list);
    repo_free(repo);
    return entries;
}

static struct erasure_register read_with_identity(const struct world *world)
{
    const struct repo_access access = identity_access(world);
    return read_as(&access);
}

/* A statement that swears to the erasure. */
static void swear(const struct world *world, uint64_t sequence, const struct erasure *erasure)
{
    struct error error = {0};
    struct statement statement = make_statement(sequence, NULL);
    statement.erasures = calloc(1, ERASURE_ID_SIZE);
    assert_non_null(statement.erasures);
    memcpy(statement.erasures[0], erasure->id, ERASURE_ID_SIZE);
    statement.erasure_count = 1;
    assert_good(statement_write(&statement, world->repo, world->direct, &error));
    statement_free(&statement);
}

static void test_written_and_read(void **state)
{
    const struct world *world = *state;
    struct erasure first = put_erasure(world, number);
    struct erasure_register entries = read_with_identity(world);
    assert_int_equal(entries.problems.count, 0);
    assert_int_equal(entries.count, 1);
    assert_int_equal(entries.unopened, 0);
    const struct erasure *read = &entries.items[0];
    assert_memory_equal(read->id, first.id, ERASURE_ID_SIZE);
    assert_int_equal(moment_compare(read->time, first.time), 0);
    assert_memory_equal(read->host, world->host.signing.public_key, SIGN_PUBLIC_SIZE);
    assert_false(read->approved);
    assert_true(read->opened);
    assert_string_equal(read->domain, customer);
    assert_string_equal(read->value, number);
    assert_string_equal(read->reason, reason);
    assert_string_equal(read->by, clerk);
    assert_int_equal(read->rule_count, 2);
    assert_string_equal(read->rules[0].source, database);
    assert_string_equal(read->rules[0].sql[0], sql);
    assert_null(read->rules[0].sql[1]);
    assert_null(read->rules[0].paths[0]);
    assert_string_equal(read->rules[1].paths[0], pattern);
    unsigned char person[PERSON_SIZE];
    person_pseudonym(person, world->host.secret, customer, number, strlen(number));
    assert_true(register_has(&entries, person));
    assert_true(register_erases_rows(&entries, database));
    assert_false(register_erases_rows(&entries, tree));
    assert_true(register_erases_path(&entries, tree, "scans/4711/a.tif"));
    assert_false(register_erases_path(&entries, tree, "scans/47110/a.tif"));
    assert_false(register_erases_path(&entries, database, "scans/4711/a.tif"));
    erasure_register_free(&entries);

    /* The host knows who by pseudonym, and cannot open the rest. */
    const struct repo_access access = host_access(world, &world->host);
    entries = read_as(&access);
    assert_int_equal(entries.count, 1);
    assert_int_equal(entries.unopened, 1);
    assert_true(register_has(&entries, person));
    assert_null(entries.items[0].value);
    assert_false(register_erases_rows(&entries, database));
    erasure_register_free(&entries);
}

static void test_the_id_is_nowhere_outside_the_seal(void **state)
{
    const struct world *world = *state;
    char name[OBJECT_NAME_SIZE];
    struct error error = {0};
    struct buffer bytes = {0}, content = {0};
    static char value[] = "a-person-to-be-found-nowhere";
    put_erasure(world, value);
    only_object(name, world, "register");
    read_object(&bytes, world, name);
    assert_good(object_unseal(&content, world->repo, OBJECT_REGISTER, &bytes, &error));
    assert_null(memmem(content.data, content.size, value, strlen(value)));
    assert_null(memmem(content.data, content.size, sql, strlen(sql)));
    buffer_free(&bytes);
    buffer_free(&content);
}

static void test_a_dropped_entry_is_missed(void **state)
{
    const struct world *world = *state;
    char name[OBJECT_NAME_SIZE];
    static char other[] = "12";
    struct erasure lost = put_erasure(world, number);
    only_object(name, world, "register");
    struct erasure kept = put_erasure(world, other);
    swear(world, 1, &lost);
    swear(world, 2, &lost);
    swear(world, 3, &kept);
    struct erasure_register entries = read_with_identity(world);
    assert_int_equal(entries.missing, 0);
    erasure_register_free(&entries);
    remove_object(world, name);
    entries = read_with_identity(world);
    assert_int_equal(entries.count, 1);
    assert_int_equal(entries.missing, 1); /* once, though two statements tell of it */
    assert_int_equal(entries.problems.count, 1);
    assert_int_equal(entries.problems.items[0].status, STATUS_NOT_FOUND);
    erasure_register_free(&entries);
}

static void test_what_is_lost_stays_sworn_to(void **state)
{
    const struct world *world = *state;
    char name[OBJECT_NAME_SIZE];
    struct error error = {0};
    struct snapshot_list list;
    struct erasure_register entries;
    struct erasure_ids ids;
    struct erasure lost = put_erasure(world, number);
    only_object(name, world, "register");
    swear(world, 1, &lost);
    remove_object(world, name);
    static char other[] = "12";
    struct erasure fresh = put_erasure(world, other);
    assert_good(repo_list(&list, world->repo, &error));
    assert_good(register_read(&entries, world->repo, &list, &error));
    assert_good(register_ids(&ids, &list, &entries, &error));
    assert_int_equal(ids.count, 2);
    for (size_t i = 0; i < ids.count; i++) {
        assert_true(memcmp(ids.items[i], lost.id, ERASURE_ID_SIZE) == 0 ||
                    memcmp(ids.items[i], fresh.id, ERASURE_ID_SIZE) == 0);
    }
    register_ids_free(&ids);
    erasure_register_free(&entries);
    snapshot_list_free(&list);
}

/* As many as a statement can name go through a storage and back, beside as many tables as it can.
 */
static void test_a_full_statement(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct snapshot_list list;
    struct erasure_register entries;
    struct statement statement = make_statement(1, NULL);
    statement.erasures = calloc(STATEMENT_ERASURES_LIMIT, ERASURE_ID_SIZE);
    assert_non_null(statement.erasures);
    statement.erasure_count = STATEMENT_ERASURES_LIMIT;
    for (uint32_t i = 0; i < STATEMENT_ERASURES_LIMIT; i++) {
        memcpy(statement.erasures[i], &i, sizeof i);
    }
    struct statement_source *source = &statement.sources[0];
    free(source->tables[0].name);
    source->tables[0].name = calloc(1, STATEMENT_TABLES_LIMIT);
    assert_non_null(source->tables[0].name);
    memset(source->tables[0].name, 't', STATEMENT_TABLES_LIMIT - 100);
    assert_good(statement_write(&statement, world->repo, world->direct, &error));
    statement_free(&statement);
    assert_good(repo_list(&list, world->repo, &error));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.problems.count, 0);
    assert_int_equal(list.items[0].erasure_count, STATEMENT_ERASURES_LIMIT);
    assert_good(register_read(&entries, world->repo, &list, &error));
    assert_int_equal(entries.missing, STATEMENT_ERASURES_LIMIT);
    erasure_register_free(&entries);
    snapshot_list_free(&list);
}

static void test_damage_is_told(void **state)
{
    const struct world *world = *state;
    char name[OBJECT_NAME_SIZE];
    struct erasure erasure = put_erasure(world, number);
    only_object(name, world, "register");
    swear(world, 1, &erasure);
    flip_byte(world, name, 100);
    write_object(world, "register/0123456789abcdef0123456789abcdef", "", 0); /* killed at once */
    struct erasure_register entries = read_with_identity(world);
    assert_int_equal(entries.count, 0);
    assert_int_equal(entries.missing, 1);
    assert_int_equal(entries.problems.count, 2);
    assert_non_null(find_problem(&entries.problems, name));
    erasure_register_free(&entries);
}

static void test_a_stranger_is_not_obeyed(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct host_key stranger;
    struct repo *repo;
    make_second_host(&stranger, world);
    struct repo_access access = host_access(world, &stranger);
    assert_good(repo_open(&repo, &access, &error));
    put_erasure_as(world, repo, number, NULL);
    struct erasure_register entries = read_with_identity(world);
    assert_int_equal(entries.count, 0);
    assert_int_equal(entries.problems.count, 1);
    assert_int_equal(entries.problems.items[0].status, STATUS_UNAUTHENTIC);
    assert_false(register_erases_rows(&entries, database));
    erasure_register_free(&entries);
    repo_free(repo);
    host_key_free(&stranger);
}

/* A host that was revoked: what a trusted statement knew of counts, what came later does not. */
static void test_a_revoked_host(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct host_key stolen;
    struct repo *repo;
    make_second_host(&stolen, world);
    struct host_record record = {.verdict = HOST_ADDED, .time = moment_now()};
    memcpy(record.public_key, stolen.signing.public_key, SIGN_PUBLIC_SIZE);
    assert_good(repo_vouch(world->repo, &record, &world->recovery, &error));
    struct repo_access access = host_access(world, &stolen);
    assert_good(repo_open(&repo, &access, &error));
    static char later[] = "12";
    struct erasure before = put_erasure_as(world, repo, number, NULL);
    swear(world, 1, &before);
    put_erasure_as(world, repo, later, NULL);
    record.verdict = HOST_REVOKED;
    record.from_sequence = 2;
    assert_good(repo_vouch(world->repo, &record, &world->recovery, &error));
    struct erasure_register entries = read_with_identity(world);
    assert_int_equal(entries.count, 1);
    assert_memory_equal(entries.items[0].id, before.id, ERASURE_ID_SIZE);
    assert_int_equal(entries.problems.count, 1);
    assert_int_equal(entries.problems.items[0].status, STATUS_UNAUTHENTIC);
    erasure_register_free(&entries);
    repo_free(repo);
    host_key_free(&stolen);
}

static void test_the_managers_signature(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct minisign_secret manager;
    assert_good(minisign_generate(&manager, &error));
    put_erasure_as(world, world->repo, number, &manager);
    struct erasure_register entries = read_with_identity(world);
    assert_int_equal(entries.problems.count, 0);
    assert_true(entries.items[0].approved);
    assert_memory_equal(&entries.items[0].manager, &manager.public_key, sizeof manager.public_key);
    erasure_register_free(&entries);
    minisign_secret_free(&manager);
}

static struct erasure put_withdrawal(const struct world *world, char *value,
                                     const struct erasure *of,
                                     const struct minisign_secret *manager)
{
    struct error error = {0};
    struct erasure withdrawal = make_erasure(value);
    withdrawal.rule_count = 0;
    withdrawal.withdrawal = true;
    memcpy(withdrawal.withdraws, of->id, ERASURE_ID_SIZE);
    const struct register_writing writing = {
        .recipients = &world->identity.recipient, .recipient_count = 1, .manager = manager};
    assert_good(register_write(&withdrawal, world->repo, &writing, &error));
    return withdrawal;
}

static void assert_obeyed(const struct world *world, size_t count, size_t settled, size_t problems)
{
    struct erasure_register entries = read_with_identity(world);
    assert_int_equal(entries.count, count);
    assert_int_equal(entries.settled_count, settled);
    assert_int_equal(entries.problems.count, problems);
    assert_int_equal(register_erases_rows(&entries, database), count > 0);
    erasure_register_free(&entries);
}

static void test_taken_back(void **state)
{
    const struct world *world = *state;
    char name[OBJECT_NAME_SIZE];
    struct error error = {0};
    struct snapshot_list list;
    struct erasure_ids ids;
    struct erasure erasure = put_erasure(world, number);
    only_object(name, world, "register");
    struct erasure withdrawal = put_withdrawal(world, number, &erasure, NULL);
    struct erasure_register entries = read_with_identity(world);
    assert_int_equal(entries.problems.count, 0);
    assert_int_equal(entries.count, 0);
    assert_int_equal(entries.unopened, 0);
    assert_int_equal(entries.settled_count, 2);
    assert_false(register_has(&entries, erasure.person));
    assert_false(register_erases_rows(&entries, database));
    /* Both are sworn to from now on: neither can be dropped alone. */
    assert_good(repo_list(&list, world->repo, &error));
    assert_good(register_ids(&ids, &list, &entries, &error));
    assert_int_equal(ids.count, 2);
    assert_true(register_ids_have(&ids, erasure.id));
    assert_true(register_ids_have(&ids, withdrawal.id));
    register_ids_free(&ids);
    snapshot_list_free(&list);
    erasure_register_free(&entries);
    /* Whom nobody can open keeps no restore back once it is taken back. */
    const struct repo_access access = host_access(world, &world->host);
    entries = read_as(&access);
    assert_int_equal(entries.unopened, 0);
    erasure_register_free(&entries);
    put_erasure(world, number); /* and who asks again is erased again */
    assert_obeyed(world, 1, 2, 0);
}

static void test_a_withdrawal_that_is_dropped_is_missed(void **state)
{
    const struct world *world = *state;
    char name[OBJECT_NAME_SIZE];
    static char other[] = "12";
    struct erasure stranger = {.id = {1}};
    struct erasure withdrawal = put_withdrawal(world, other, &stranger, NULL);
    only_object(name, world, "register");
    swear(world, 1, &withdrawal);
    assert_obeyed(world, 0, 1, 0);
    remove_object(world, name);
    struct erasure_register entries = read_with_identity(world);
    assert_int_equal(entries.missing, 1);
    erasure_register_free(&entries);
}

static void test_only_the_persons_own_is_taken_back(void **state)
{
    const struct world *world = *state;
    static char other[] = "12";
    struct erasure erasure = put_erasure(world, number);
    put_withdrawal(world, other, &erasure, NULL);
    assert_obeyed(world, 1, 1, 0);
}

/* A thief of the host key cannot bring back whom a manager had erased. */
static void test_what_a_manager_signed_is_taken_back_by_the_same_key(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct minisign_secret manager, thief;
    assert_good(minisign_generate(&manager, &error));
    assert_good(minisign_generate(&thief, &error));
    struct erasure erasure = put_erasure_as(world, world->repo, number, &manager);
    put_withdrawal(world, number, &erasure, NULL);
    assert_obeyed(world, 1, 1, 1);
    put_withdrawal(world, number, &erasure, &thief);
    assert_obeyed(world, 1, 2, 2);
    put_withdrawal(world, number, &erasure, &manager);
    assert_obeyed(world, 0, 4, 2);
    minisign_secret_free(&manager);
    minisign_secret_free(&thief);
}

/* With each bit of the signed part turned, nothing is believed. */
static void test_every_bit_is_signed(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct minisign_secret manager;
    struct buffer sealed = {0}, content = {0};
    struct erasure erasure = make_erasure(number), read;
    struct cursor rest;
    assert_good(minisign_generate(&manager, &error));
    assert_good(age_seal_buffer(&sealed, "{}", 2, &world->identity.recipient, 1, NULL, &error));
    assert_good(erasure_encode(&content, &erasure, &sealed, &world->host, &manager, &error));
    assert_good(erasure_decode(&read, &rest, world->host.repository, &content, &error));
    size_t header = 0;
    assert_good(age_header_length(&header, sealed.data, sealed.size, &error));
    for (size_t i = 0; i < content.size; i++) {
        /* The header of the age file may be sealed anew, to other recipients. */
        if (i >= content.size - sealed.size && i < content.size - sealed.size + header) {
            continue;
        }
        content.data[i] ^= 1;
        assert_int_not_equal(erasure_decode(&read, &rest, world->host.repository, &content, &error),
                             STATUS_OK);
        content.data[i] ^= 1;
    }
    unsigned char other[REPOSITORY_ID_SIZE] = {1};
    assert_int_equal(erasure_decode(&read, &rest, other, &content, &error), STATUS_UNAUTHENTIC);
    buffer_free(&sealed);
    buffer_free(&content);
    minisign_secret_free(&manager);
}

static void test_too_long(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    static char text[70000];
    memset(text, 'x', sizeof text - 1);
    struct erasure erasure = make_erasure(number);
    erasure.reason = text;
    const struct register_writing writing = {.recipients = &world->identity.recipient,
                                             .recipient_count = 1};
    assert_int_equal(register_write(&erasure, world->repo, &writing, &error), STATUS_USAGE);
    erasure = make_erasure(text);
    assert_int_equal(register_write(&erasure, world->repo, &writing, &error), STATUS_USAGE);
    static char broken[] = "\xff";
    erasure = make_erasure(broken);
    assert_int_equal(register_write(&erasure, world->repo, &writing, &error), STATUS_USAGE);
    assert_int_equal(count_objects(world, "register"), 0);
}

static void test_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *id, *path;
        bool matches;
    } cases[] = {
        {"scans/{id}", "7", "scans/7", true},
        {"scans/{id}", "7", "scans/7/deep/a.tif", true},
        {"scans/{id}", "7", "scans/77", false},
        {"scans/{id}", "7", "scans", false},
        {"scans/{id}", "7", "other/scans/7", false},
        {"letters/*-{id}.pdf", "7", "letters/2026-7.pdf", true},
        {"letters/*-{id}.pdf", "7", "letters/2026-05-7.pdf", true},
        {"letters/*-{id}.pdf", "7", "letters/-7.pdf", true},
        {"letters/*-{id}.pdf", "7", "letters/2026-77.pdf", false},
        {"letters/*-{id}.pdf", "7", "letters/2026-7.pdf.bak", false},
        {"letters/*-{id}.pdf", "7", "letters/deep/2026-7.pdf", false},
        {"*/{id}_*", "a*", "x/a*_y", true},
        {"*/{id}_*", "a*", "x/ab_y", false}, /* an id is no pattern */
        {"{id}", "..", "..", false},
        {"{id}", ".", ".", false},
        {"{id}/x", "a/b", "a/b/x", false},
        {"{id}", "", "", false},
        {"k?-{id}", "山田", "k1-山田", true},
        {"{id}-{id}", "7", "7-7", true},
        {"{id}-{id}", "7", "7-8", false},
        {"*a*b*-{id}", "7", "aaabbb-7-7", true},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        if (erasure_path_matches(cases[i].pattern, cases[i].id, cases[i].path) !=
            cases[i].matches) {
            fail_msg("%s with %s and %s", cases[i].pattern, cases[i].id, cases[i].path);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_written_and_read, world_clear),
        cmocka_unit_test_setup(test_the_id_is_nowhere_outside_the_seal, world_clear),
        cmocka_unit_test_setup(test_a_dropped_entry_is_missed, world_clear),
        cmocka_unit_test_setup(test_what_is_lost_stays_sworn_to, world_clear),
        cmocka_unit_test_setup(test_a_full_statement, world_clear),
        cmocka_unit_test_setup(test_damage_is_told, world_clear),
        cmocka_unit_test_setup(test_a_stranger_is_not_obeyed, world_clear),
        cmocka_unit_test_setup(test_the_managers_signature, world_clear),
        cmocka_unit_test_setup(test_taken_back, world_clear),
        cmocka_unit_test_setup(test_a_withdrawal_that_is_dropped_is_missed, world_clear),
        cmocka_unit_test_setup(test_only_the_persons_own_is_taken_back, world_clear),
        cmocka_unit_test_setup(test_what_a_manager_signed_is_taken_back_by_the_same_key,
                               world_clear),
        cmocka_unit_test_setup(test_every_bit_is_signed, world_clear),
        cmocka_unit_test_setup(test_too_long, world_clear),
        cmocka_unit_test(test_patterns),
        /* Last: it revokes a host. */
        cmocka_unit_test_setup(test_a_revoked_host, world_clear),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
