/* Statements: what is said is read back; what is forged, revoked, repeated, taken away, or of a
 * newer kura is named, and the others go on. */
#include "repo_world.h"

#define DOMAIN "kura/1 statement"

static struct snapshot_list list_of(struct repo *repo)
{
    struct error error = {0};
    struct snapshot_list list;
    assert_good(repo_list(&list, repo, &error));
    return list;
}

static enum status problem_status(const struct snapshot_list *list,
                                  const unsigned char id[OBJECT_ID_SIZE])
{
    char name[OBJECT_NAME_SIZE];
    object_name(name, OBJECT_STATEMENT, id);
    const struct problem *problem = find_problem(&list->problems, name);
    return problem == NULL ? STATUS_OK : problem->status;
}

static void test_said_and_read(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    unsigned char first[OBJECT_ID_SIZE];
    put_statement(first, world, 1, NULL);
    struct statement said = make_statement(2, first);
    said.time.nanoseconds = 5;
    said.reference_count = 1;
    said.index_count = 1;
    said.audit_size = 3;
    said.erasure_count = 2;
    said.erasures = calloc(2, ERASURE_ID_SIZE);
    randombytes_buf(said.erasures, 2 * ERASURE_ID_SIZE);
    randombytes_buf(said.audit_root, sizeof said.audit_root);
    free(said.sources[0].problem);
    said.sources[0].problem = NULL;
    said.sources[0].persons = -1;
    said.sources[0].together = true;
    said.sources[0].together_began = (struct moment){1000, 0};
    said.sources[0].together_ended = (struct moment){1002, 0};
    said.sources[0].name[0] = (char)0xff; /* not UTF-8 */
    assert_good(statement_write(&said, world->repo, world->direct, &error));
    assert_int_equal(said.standing, STANDING_TRUSTED);

    struct snapshot_list list = list_of(world->repo);
    print_problems(&list.problems);
    assert_int_equal(list.problems.count, 0);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.head_count, 1);
    assert_int_equal(list.heads[0], 1);
    const struct statement *read = &list.items[1];
    assert_memory_equal(list.items[0].id, first, OBJECT_ID_SIZE);
    assert_memory_equal(read->id, said.id, OBJECT_ID_SIZE);
    assert_memory_equal(read->host, world->host.signing.public_key, SIGN_PUBLIC_SIZE);
    assert_int_equal(read->standing, STANDING_TRUSTED);
    assert_int_equal(read->sequence, 2);
    assert_int_equal(moment_compare(read->time, said.time), 0);
    assert_int_equal(moment_compare(read->due, said.due), 0);
    assert_int_equal(read->parent_count, 1);
    assert_memory_equal(read->parents[0], first, OBJECT_ID_SIZE);
    assert_memory_equal(read->snapshot, said.snapshot, OBJECT_ID_SIZE);
    assert_memory_equal(read->references[0], said.references[0], OBJECT_ID_SIZE);
    assert_memory_equal(read->indexes[0], said.indexes[0], OBJECT_ID_SIZE);
    assert_int_equal(read->stored, 12345);
    assert_int_equal(read->audit_size, 3);
    assert_int_equal(read->erasure_count, 2);
    assert_memory_equal(read->erasures, said.erasures, 2 * ERASURE_ID_SIZE);
    assert_int_equal(list.items[0].erasure_count, 0);
    assert_memory_equal(read->audit_root, said.audit_root, 32);
    assert_int_equal(read->source_count, 1);
    const struct statement_source *source = &read->sources[0];
    assert_string_equal(source->name, "\\377ustomers");
    assert_string_equal(source->kind, "sqlite");
    assert_int_equal(source->status, SOURCE_WARNINGS);
    assert_null(source->problem);
    assert_int_equal(source->persons, -1);
    assert_int_equal(source->bytes, 4096);
    assert_true(source->together && !list.items[0].sources[0].together);
    assert_int_equal(source->together_began.seconds, 1000);
    assert_int_equal(source->together_ended.seconds, 1002);
    assert_memory_equal(source->digest, said.sources[0].digest, 32);
    assert_int_equal(source->table_count, 2);
    assert_string_equal(source->tables[1].name, "customers");
    assert_int_equal(source->tables[1].rows, 12);
    assert_int_equal(list.items[0].sources[0].persons, 12);
    assert_string_equal(list.items[0].sources[0].problem, "a file changed");
    snapshot_list_free(&list);
    statement_free(&said);
}

static void test_damage_is_named_and_the_others_go_on(void **state)
{
    const struct world *world = *state;
    unsigned char ids[4][OBJECT_ID_SIZE];
    char name[OBJECT_NAME_SIZE];
    for (uint64_t i = 0; i < 4; i++) {
        put_statement(ids[i], world, i + 1, i == 0 ? NULL : ids[i - 1]);
    }
    object_name(name, OBJECT_STATEMENT, ids[1]);
    flip_byte(world, name, 60);
    struct snapshot_list list = list_of(world->repo);
    assert_int_equal(list.count, 3);
    assert_int_equal(list.problems.count, 1);
    assert_int_equal(problem_status(&list, ids[1]), STATUS_CORRUPT);
    snapshot_list_free(&list);

    /* A good copy under another name heals it. */
    struct buffer bytes = {0};
    char retry[2 * OBJECT_NAME_SIZE];
    read_object(&bytes, world, name);
    bytes.data[60] ^= 0x10;
    snprintf(retry, sizeof retry, "%s.0123456789abcdef0123456789abcdef", name);
    write_object(world, retry, bytes.data, bytes.size);
    buffer_free(&bytes);
    list = list_of(world->repo);
    assert_int_equal(list.count, 4);
    assert_int_equal(list.problems.count, 0);
    snapshot_list_free(&list);
}

static void test_missing_parent_is_an_alarm(void **state)
{
    const struct world *world = *state;
    unsigned char ids[4][OBJECT_ID_SIZE];
    char name[OBJECT_NAME_SIZE];
    put_statement(ids[0], world, 1, NULL);
    put_statement(ids[1], world, 2, ids[0]);
    put_statement(ids[2], world, 3, ids[1]);
    put_statement(ids[3], world, 3, ids[1]);
    object_name(name, OBJECT_STATEMENT, ids[1]);
    remove_object(world, name);
    struct snapshot_list list = list_of(world->repo);
    assert_int_equal(list.count, 3);
    assert_int_equal(list.problems.count, 1); /* once, though two build on it */
    assert_int_equal(problem_status(&list, ids[1]), STATUS_NOT_FOUND);
    assert_non_null(strstr(list.problems.items[0].message, "removed or is withheld"));
    assert_int_equal(list.head_count, 3);
    snapshot_list_free(&list);
}

static void test_foreign_and_revoked_hosts(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct host_key second;
    make_second_host(&second, world);
    unsigned char ids[4][OBJECT_ID_SIZE];
    put_statement(ids[0], world, 1, NULL);

    /* It has the repository's secret, and nobody vouches for it: it cannot even write. */
    struct repo_access access = host_access(world, &second);
    struct repo *repo = NULL;
    struct store *store = NULL;
    assert_good(repo_open(&repo, &access, &error));
    assert_good(repo_take_store(&store, repo, &error));
    struct statement forged = make_statement(9, ids[0]);
    assert_int_equal(statement_write(&forged, repo, store, &error), STATUS_UNAUTHENTIC);

    struct host_record record = {.verdict = HOST_ADDED, .name = "office"};
    memcpy(record.public_key, second.signing.public_key, SIGN_PUBLIC_SIZE);
    assert_good(repo_vouch(repo, &record, &world->recovery, &error));
    assert_good(statement_write(&forged, repo, store, &error));
    memcpy(ids[1], forged.id, OBJECT_ID_SIZE);

    /* Whoever opened before it was vouched for does not believe it; whoever opens now does. */
    struct snapshot_list list = list_of(world->repo);
    assert_int_equal(list.count, 1);
    assert_int_equal(problem_status(&list, ids[1]), STATUS_UNAUTHENTIC);
    snapshot_list_free(&list);
    list = list_of(repo);
    assert_int_equal(list.count, 2);
    snapshot_list_free(&list);

    /* Revoked from its sequence on: later ones are not believed, earlier ones are. */
    forged.sequence = 8;
    assert_good(statement_write(&forged, repo, store, &error));
    memcpy(ids[2], forged.id, OBJECT_ID_SIZE);
    record.verdict = HOST_REVOKED;
    record.from_sequence = 9;
    assert_good(repo_vouch(world->repo, &record, &world->recovery, &error));
    record.verdict = HOST_ADDED; /* an old word again does not help */
    assert_good(repo_vouch(world->repo, &record, &world->recovery, &error));
    list = list_of(world->repo);
    assert_int_equal(list.count, 2);
    assert_int_equal(problem_status(&list, ids[1]), STATUS_UNAUTHENTIC);
    assert_int_equal(problem_status(&list, ids[2]), STATUS_OK);
    assert_non_null(strstr(list.problems.items[0].message, "revoked from sequence 9"));
    snapshot_list_free(&list);

    struct signing_key stranger;
    assert_good(signing_key_generate(&stranger, &error));
    assert_int_equal(repo_vouch(world->repo, &record, &stranger, &error), STATUS_UNAUTHENTIC);
    signing_key_free(&stranger);
    statement_free(&forged);
    repo_give_store(repo, store);
    repo_free(repo);
    host_key_free(&second);
}

/* Signs and seals any JSON as the host would, or lets it be wrong. */
static void put_json(unsigned char id[OBJECT_ID_SIZE], const struct world *world, const char *json,
                     const unsigned char *repository, bool spoil)
{
    struct error error = {0};
    struct buffer message = {0};
    struct buffer content = {0};
    unsigned char signature[SIGN_SIZE];
    assert_good(buffer_append(&message, repository, REPOSITORY_ID_SIZE, &error));
    assert_good(buffer_append_text(&message, json, &error));
    assert_good(sign(signature, &world->host.signing, DOMAIN, message.data, message.size, &error));
    signature[3] ^= spoil;
    assert_good(buffer_append(&content, world->host.signing.public_key, SIGN_PUBLIC_SIZE, &error));
    assert_good(buffer_append(&content, signature, SIGN_SIZE, &error));
    assert_good(buffer_append_text(&content, json, &error));
    put_sealed(id, world, OBJECT_STATEMENT, &content);
    buffer_free(&message);
    buffer_free(&content);
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define JSON(version, sequence, time, sources)                                                     \
    "{\"version\":" version ",\"sequence\":" sequence ",\"parents\":[],\"time\":" time             \
    ",\"due\":\"2026-11-23T02:00:00Z\",\"snapshot\":\"" HEX64 "\",\"references\":[],"              \
    "\"indexes\":[],\"stored\":0,\"audit\":{\"size\":0,\"root\":null},\"sources\":" sources "}"
#define TIME "\"2026-11-22T02:00:00Z\""
#define TOGETHER(words)                                                                            \
    "[{\"name\":\"a\",\"kind\":\"tree\",\"status\":\"complete\",\"problem\":null,\"entries\":0,"   \
    "\"bytes\":0,\"persons\":null,\"digest\":\"" HEX64 "\",\"tables\":{},\"together\":" words "}]"
#define SOURCE(status, rows)                                                                       \
    "[{\"name\":\"a\",\"kind\":\"tree\",\"status\":" status ",\"problem\":null,\"entries\":0,"     \
    "\"bytes\":0,\"persons\":null,\"digest\":\"" HEX64 "\",\"tables\":{\"t\":" rows "}}]"

static void test_strange_json(void **state)
{
    const struct world *world = *state;
    const unsigned char *own = world->host.repository;
    unsigned char other[REPOSITORY_ID_SIZE] = {1};
    const struct {
        const char *json;
        const unsigned char *repository;
        bool spoil;
        enum status expected;
    } cases[] = {
        {JSON("1", "1", TIME, SOURCE("\"complete\"", "1")), own, false, STATUS_OK},
        {JSON("1", "1", TIME, "[]"), own, true, STATUS_UNAUTHENTIC},
        {JSON("1", "1", TIME, "[]"), other, false, STATUS_UNAUTHENTIC},
        {JSON("2", "1", TIME, "[]"), own, false, STATUS_UNSUPPORTED},
        {JSON("0", "1", TIME, "[]"), own, false, STATUS_CORRUPT},
        {JSON("1", "-1", TIME, "[]"), own, false, STATUS_CORRUPT},
        {JSON("1", "1.5", TIME, "[]"), own, false, STATUS_CORRUPT},
        {JSON("1", "99999999999999999999", TIME, "[]"), own, false, STATUS_CORRUPT},
        {JSON("1", "1,\"sequence\":2", TIME, "[]"), own, false, STATUS_CORRUPT},
        {JSON("1", "1", "\"2026-11-22\"", "[]"), own, false, STATUS_CORRUPT},
        {JSON("1", "1", "7", "[]"), own, false, STATUS_CORRUPT},
        {JSON("1", "1", TIME, "null"), own, false, STATUS_CORRUPT},
        {JSON("1", "1", TIME, "[1]"), own, false, STATUS_CORRUPT},
        {JSON("1", "1", TIME, SOURCE("\"fine\"", "1")), own, false, STATUS_CORRUPT},
        {JSON("1", "1", TIME, SOURCE("\"complete\"", "-1")), own, false, STATUS_CORRUPT},
        {JSON("1", "1", TIME, SOURCE("\"complete\"", "\"1\"")), own, false, STATUS_CORRUPT},
        {JSON("1", "1", TIME, TOGETHER("{\"began\":" TIME ",\"ended\":" TIME "}")), own, false,
         STATUS_OK},
        {JSON("1", "1", TIME, TOGETHER("null")), own, false, STATUS_CORRUPT},
        {JSON("1", "1", TIME, TOGETHER("{\"began\":" TIME "}")), own, false, STATUS_CORRUPT},
        {JSON("1", "1", TIME, TOGETHER("{\"began\":\"2026-11-22T02:00:01Z\",\"ended\":" TIME "}")),
         own, false, STATUS_CORRUPT},
        {"[]", own, false, STATUS_CORRUPT},
        {"", own, false, STATUS_CORRUPT},
        {"{\"version\":1}", own, false, STATUS_CORRUPT},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        unsigned char id[OBJECT_ID_SIZE];
        char name[OBJECT_NAME_SIZE];
        put_json(id, world, cases[i].json, cases[i].repository, cases[i].spoil);
        struct snapshot_list list = list_of(world->repo);
        enum status found = problem_status(&list, id);
        if (found != cases[i].expected) {
            fail_msg("case %zu: status %d", i, (int)found);
        }
        assert_int_equal(list.count, found == STATUS_OK);
        snapshot_list_free(&list);
        object_name(name, OBJECT_STATEMENT, id);
        remove_object(world, name);
    }
}

static void test_deep_json(void **state)
{
    const struct world *world = *state;
    enum { DEPTH = 200000 };
    char *json = malloc(DEPTH + 16);
    assert_non_null(json);
    memset(json, '[', DEPTH);
    memcpy(json, "{\"a\":", 5);
    json[DEPTH] = '\0';
    unsigned char id[OBJECT_ID_SIZE];
    put_json(id, world, json, world->host.repository, false);
    struct snapshot_list list = list_of(world->repo);
    assert_int_equal(problem_status(&list, id), STATUS_CORRUPT);
    snapshot_list_free(&list);
    free(json);
}

static void test_replay(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    unsigned char ids[3][OBJECT_ID_SIZE];
    put_statement(ids[0], world, 1, NULL);
    put_statement(ids[1], world, 2, ids[0]);
    struct buffer bytes = {0};
    struct buffer content = {0};
    assert_good(object_get(&bytes, world->repo, world->direct, OBJECT_STATEMENT, ids[0], &error));
    assert_good(object_unseal(&content, world->repo, OBJECT_STATEMENT, &bytes, &error));
    put_sealed(ids[2], world, OBJECT_STATEMENT, &content);
    struct snapshot_list list = list_of(world->repo);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.head_count, 1);
    assert_int_equal(problem_status(&list, ids[2]), STATUS_UNAUTHENTIC);
    assert_int_equal(problem_status(&list, ids[0]), STATUS_OK);
    snapshot_list_free(&list);
    buffer_free(&bytes);
    buffer_free(&content);
}

static void test_strangers_in_the_folder(void **state)
{
    const struct world *world = *state;
    unsigned char id[OBJECT_ID_SIZE];
    put_statement(id, world, 1, NULL);
    write_object(world, "statements/notes.txt", "x", 1);
    write_object(world, "statements/" HEX64, "x", 1);
    struct snapshot_list list = list_of(world->repo);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.problems.count, 2);
    assert_non_null(find_problem(&list.problems, "statements/notes.txt"));
    assert_non_null(find_problem(&list.problems, "statements/" HEX64));
    snapshot_list_free(&list);
}

/* What a run leaves that is killed while it publishes to write-once storage; and what somebody
 * leaves who empties a statement that others build on. */
static void test_empty(void **state)
{
    const struct world *world = *state;
    unsigned char ids[2][OBJECT_ID_SIZE];
    unsigned char emptied[OBJECT_ID_SIZE];
    write_object(world, "statements/" HEX64, "", 0);
    put_statement(ids[0], world, 1, NULL);
    struct snapshot_list list = list_of(world->repo);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.problems.count, 0);
    snapshot_list_free(&list);
    assert_true(hex_decode(emptied, sizeof emptied, HEX64, strlen(HEX64)));
    put_statement(ids[1], world, 2, emptied);
    list = list_of(world->repo);
    assert_int_equal(list.count, 2);
    assert_int_equal(problem_status(&list, emptied), STATUS_NOT_FOUND);
    snapshot_list_free(&list);
}

static void test_finding(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    unsigned char ids[40][OBJECT_ID_SIZE];
    for (uint64_t i = 0; i < LENGTH(ids); i++) {
        put_statement(ids[i], world, i + 1, i == 0 ? NULL : ids[i - 1]);
    }
    struct snapshot_list list = list_of(world->repo);
    const struct statement *found = NULL;
    assert_int_equal(list.count, LENGTH(ids));
    assert_good(snapshot_list_find(&found, &list, "latest", NULL, &error));
    assert_memory_equal(found->id, ids[39], OBJECT_ID_SIZE);
    struct moment before = list.items[20].time;
    assert_good(snapshot_list_find(&found, &list, "latest", &before, &error));
    assert_memory_equal(found->id, ids[20], OBJECT_ID_SIZE);
    before.seconds = 0;
    assert_int_equal(snapshot_list_find(&found, &list, "latest", &before, &error),
                     STATUS_NOT_FOUND);
    char text[OBJECT_ID_TEXT_SIZE];
    hex_encode(text, ids[7], OBJECT_ID_SIZE);
    assert_good(snapshot_list_find(&found, &list, text, NULL, &error));
    assert_memory_equal(found->id, ids[7], OBJECT_ID_SIZE);
    text[12] = '\0';
    for (size_t i = 0; i < 12; i++) {
        text[i] = (char)(text[i] >= 'a' ? text[i] - 'a' + 'A' : text[i]);
    }
    assert_good(snapshot_list_find(&found, &list, text, NULL, &error));
    assert_memory_equal(found->id, ids[7], OBJECT_ID_SIZE);
    memcpy(list.items[8].id, list.items[7].id, 6);
    assert_int_equal(snapshot_list_find(&found, &list, text, NULL, &error), STATUS_USAGE);
    assert_null(found);
    text[3] = '\0';
    assert_int_equal(snapshot_list_find(&found, &list, text, NULL, &error), STATUS_USAGE);
    assert_int_equal(snapshot_list_find(&found, &list, "xyzt", NULL, &error), STATUS_USAGE);
    assert_int_equal(snapshot_list_find(&found, &list, "", NULL, &error), STATUS_USAGE);
    memset(list.items[9].id, 0xee, OBJECT_ID_SIZE);
    assert_good(snapshot_list_find(&found, &list, "eeeeeeee", NULL, &error));
    assert_int_equal(snapshot_list_find(&found, &list, "eeeeeeef", NULL, &error), STATUS_NOT_FOUND);
    snapshot_list_free(&list);
}

static void test_head_code(void **state)
{
    (void)state;
    char code[HEAD_CODE_SIZE];
    char again[HEAD_CODE_SIZE];
    struct statement items[2] = {{.sequence = 1}, {.sequence = 2}};
    size_t heads[2] = {0, 1};
    struct snapshot_list list = {.items = items, .count = 2, .heads = heads, .head_count = 2};
    memset(items[0].id, 1, OBJECT_ID_SIZE);
    memset(items[1].id, 2, OBJECT_ID_SIZE);
    snapshot_list_head_code(code, &list);
    assert_int_equal(strlen(code), 9);
    assert_int_equal(code[4], '-');
    assert_int_equal(strspn(code, "23456789ABCDEFGHJKLMNPQRSTUVWXYZ-"), 9);
    list.head_count = 1;
    snapshot_list_head_code(again, &list);
    assert_string_not_equal(code, again);
    list.head_count = 2;
    items[1].id[31] ^= 1;
    snapshot_list_head_code(again, &list);
    assert_string_not_equal(code, again);

    /* BLAKE2b-256 of nothing begins 0e 57 51 c0 26: 00001 11001 01011 10101 00011 10000 00001 00110
     */
    list.head_count = 0;
    snapshot_list_head_code(code, &list);
    assert_string_equal(code, "3TDP-5J38");
}

static void test_nothing_there(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    const struct statement *found = NULL;
    struct snapshot_list list = list_of(world->repo);
    assert_int_equal(list.count + list.head_count + list.problems.count, 0);
    assert_int_equal(snapshot_list_find(&found, &list, "latest", NULL, &error), STATUS_NOT_FOUND);
    snapshot_list_free(&list);
    char path[256];
    snprintf(path, sizeof path, "%s/statements", world->store);
    assert_int_equal(rmdir(path), 0);
    list = list_of(world->repo);
    assert_int_equal(list.problems.count, 1);
    assert_string_equal(list.problems.items[0].object, "statements");
    snapshot_list_free(&list);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup(test, world_clear)
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_said_and_read),
        IN_WORLD(test_damage_is_named_and_the_others_go_on),
        IN_WORLD(test_missing_parent_is_an_alarm),
        cmocka_unit_test_setup_teardown(test_foreign_and_revoked_hosts, world_setup,
                                        world_teardown),
        IN_WORLD(test_strange_json),
        IN_WORLD(test_deep_json),
        IN_WORLD(test_replay),
        IN_WORLD(test_strangers_in_the_folder),
        IN_WORLD(test_empty),
        IN_WORLD(test_finding),
        cmocka_unit_test_setup_teardown(test_nothing_there, world_setup, world_teardown),
        cmocka_unit_test(test_head_code),
    };
    return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
