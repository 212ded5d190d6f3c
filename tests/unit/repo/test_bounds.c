/* The bounds that src/README.md names: what is at the bound is read, what is beyond it is refused.
 */
#include "../../../src/repo/register_private.h"
#include "../../../src/keys/age_private.h"
#include "../../../src/repo/catalogue.h"
#include "../../../src/repo/statement_private.h"
#include "repo_world.h"

static enum status parse_nested(size_t depth)
{
    struct error error;
    json_t *json = NULL;
    char *text = malloc(2 * depth + 4);
    assert_non_null(text);
    memcpy(text, "{\"x\":", 5);
    memset(text + 5, '[', depth - 1);
    memset(text + 4 + depth, ']', depth - 1);
    text[2 * depth + 3] = '}';
    enum status status = json_parse(&json, text, 2 * depth + 4, 2 * depth + 4, &error);
    json_decref(json);
    free(text);
    return status;
}

static void test_json(void **state)
{
    (void)state;
    struct error error;
    json_t *json = NULL;
    assert_int_equal(parse_nested(2000), STATUS_OK);
    assert_int_equal(parse_nested(2100), STATUS_CORRUPT);
    assert_int_equal(parse_nested(500000), STATUS_CORRUPT);
    assert_good(json_parse(&json, "{}  ", 4, 4, &error));
    json_decref(json);
    assert_int_equal(json_parse(&json, "{}  ", 4, 3, &error), STATUS_CORRUPT);
    assert_int_equal(json_parse(&json, "{\"a\":\"\\u0000\"}", 14, 14, &error), STATUS_CORRUPT);
    assert_int_equal(json_parse(&json, "{\"a\":1,\"a\":1}", 13, 13, &error), STATUS_CORRUPT);
}

static enum status statement_of(size_t sources, uint64_t sequence, size_t erasures)
{
    struct error error;
    struct statement made = {.sequence = sequence, .source_count = sources};
    struct statement read;
    made.sources = calloc(sources, sizeof *made.sources);
    assert_non_null(made.sources);
    for (size_t i = 0; i < sources; i++) {
        made.sources[i].name = made.sources[i].kind = (char[]){"tree"};
    }
    made.erasures = calloc(erasures + 1, ERASURE_ID_SIZE);
    made.erasure_count = erasures;
    assert_non_null(made.erasures);
    json_t *json = statement_to_json(&made);
    assert_non_null(json);
    enum status status = statement_from_json(&read, json, &error);
    if (status == STATUS_OK) {
        assert_int_equal(read.source_count, sources);
        statement_free(&read);
    }
    json_decref(json);
    free(made.sources);
    free(made.erasures);
    return status;
}

static void test_statement(void **state)
{
    (void)state;
    const size_t sources = STATEMENT_SOURCES_LIMIT, erasures = STATEMENT_ERASURES_LIMIT;
    assert_int_equal(statement_of(sources, SEQUENCE_LIMIT, erasures), STATUS_OK);
    assert_int_equal(statement_of(sources + 1, 1, 0), STATUS_CORRUPT);
    assert_int_equal(statement_of(1, SEQUENCE_LIMIT + 1, 0), STATUS_CORRUPT);
    assert_int_equal(statement_of(1, 1, erasures + 1), STATUS_CORRUPT);
}

static void test_register(void **state)
{
    (void)state;
    struct error error;
    struct problems problems = {0};
    struct erasure_ids ids = {.count = STATEMENT_ERASURES_LIMIT};
    struct erasure_register entries = {.count = ERASURES_LIMIT - 2, .settled_count = 1};
    assert_int_equal(register_check_room(&entries, &error), STATUS_OK);
    entries.settled_count++;
    assert_int_equal(register_check_room(&entries, &error), STATUS_UNSUPPORTED);
    register_ids_limit(&ids, STATEMENT_ERASURES_LIMIT, &problems);
    assert_int_equal(problems.count, 0);
    ids.count++;
    register_ids_limit(&ids, STATEMENT_ERASURES_LIMIT, &problems);
    assert_int_equal(ids.count, STATEMENT_ERASURES_LIMIT);
    assert_int_equal(problems.count, 1);
    problems_free(&problems);
}

/* One rule with so many statements of SQL, so many times. */
static enum status words_of(size_t rules, size_t texts)
{
    struct error error;
    struct buffer text = {0};
    static char word[] = "x";
    char **sql = calloc(texts + 1, sizeof *sql), *none[] = {NULL};
    struct erasure read = {0}, made = {.domain = word, .value = word, .reason = word, .by = word};
    made.rules = calloc(rules, sizeof *made.rules);
    assert_non_null(sql);
    assert_non_null(made.rules);
    for (size_t i = 0; i < texts; i++) {
        sql[i] = word;
    }
    for (size_t i = 0; i < rules; i++) {
        made.rules[i] = (struct erasure_rule){word, i == 0 ? sql : none, none};
    }
    made.rule_count = rules;
    assert_good(erasure_words_encode(&text, &made, &error));
    enum status status = erasure_words_decode(&read, text.data, text.size, &error);
    erasure_free(&read);
    buffer_free(&text);
    free(made.rules);
    free(sql);
    return status;
}

static void test_erasure(void **state)
{
    (void)state;
    assert_int_equal(words_of(1, ERASURE_RULES_LIMIT), STATUS_OK);
    assert_int_equal(words_of(1, ERASURE_RULES_LIMIT + 1), STATUS_CORRUPT);
    assert_int_equal(words_of(ERASURE_RULES_LIMIT, 1), STATUS_OK);
    assert_int_equal(words_of(ERASURE_RULES_LIMIT + 1, 1), STATUS_CORRUPT);
}

static enum status catalogue_of(size_t dictionaries, uint32_t size, uint8_t level)
{
    struct error error;
    struct buffer text = {0};
    struct catalogue_dictionary made[CATALOGUE_DICTIONARIES_LIMIT + 1];
    for (size_t i = 0; i < dictionaries; i++) {
        made[i] = (struct catalogue_dictionary){.id = 99, .reference.size = size};
    }
    struct catalogue_source source = {
        .words = {.name = (char[]){"a"}, .kind = (char[]){"tree"}, .persons = -1},
        .root = {.present = true, .level = level, .reference.size = CHUNK_MAXIMUM},
        .dictionaries = made,
        .dictionary_count = dictionaries};
    struct catalogue catalogue = {.sources = &source, .source_count = 1};
    struct catalogue read;
    assert_good(catalogue_encode(&text, &catalogue, &error));
    enum status status = catalogue_decode(&read, text.data, text.size, &error);
    if (status == STATUS_OK) {
        catalogue_free(&read);
    }
    buffer_free(&text);
    return status;
}

static void test_catalogue(void **state)
{
    (void)state;
    const size_t most = CATALOGUE_DICTIONARIES_LIMIT;
    assert_int_equal(catalogue_of(most, DICTIONARY_LIMIT, 15), STATUS_OK);
    assert_int_equal(catalogue_of(most + 1, DICTIONARY_LIMIT, 15), STATUS_CORRUPT);
    assert_int_equal(catalogue_of(most, DICTIONARY_LIMIT + 1, 15), STATUS_CORRUPT);
    assert_int_equal(catalogue_of(most, DICTIONARY_LIMIT, 16), STATUS_CORRUPT);
}

static enum status visit_none(void *context, const struct index_pack *pack, struct error *error)
{
    (void)context;
    (void)pack;
    (void)error;
    return STATUS_OK;
}

static enum status index_of(uint64_t pack_size, uint32_t offset, uint32_t size)
{
    struct error error;
    struct buffer content = {0};
    struct index_chunk chunk = {.offset = offset, .size = size};
    const struct index_pack pack = {.size = pack_size, .chunks = &chunk, .count = 1};
    assert_good(buffer_append_u32(&content, 1, &error));
    assert_good(index_pack_encode(&content, &pack, &error));
    enum status status = index_decode(&content, visit_none, NULL, &error);
    buffer_free(&content);
    return status;
}

static void test_index(void **state)
{
    (void)state;
    const uint64_t pack = (uint64_t)64 * 1024 * 1024;
    const uint32_t largest = 4 * 1024 * 1024 + 41;
    assert_int_equal(index_of(pack, (uint32_t)pack - largest, largest), STATUS_OK);
    assert_int_equal(index_of(pack + 1, 0, 42), STATUS_CORRUPT);
    assert_int_equal(index_of(pack, (uint32_t)pack - largest + 1, largest), STATUS_CORRUPT);
    assert_int_equal(index_of(pack, 0, largest + 1), STATUS_CORRUPT);
    assert_int_equal(index_of(pack, 0, 42), STATUS_OK);
    assert_int_equal(index_of(pack, 0, 41), STATUS_CORRUPT);
    assert_int_equal(index_of(pack, UINT32_MAX, 42), STATUS_CORRUPT);
}

/* The name of the host makes the record as long as is wanted. */
static enum status host_record_of(const struct world *world, size_t name_size, size_t size)
{
    struct error error;
    struct buffer object = {0};
    struct buffer text = {0};
    struct host_record record = {.verdict = HOST_ADDED};
    unsigned char signature[SIGN_SIZE];
    memset(record.name, 'x', name_size < 127 ? name_size : 127);
    assert_good(
        host_record_encode(&object, &record, world->host.repository, &world->recovery, &error));
    /* One more letter, or white space, and the signature over it. */
    assert_good(buffer_append(&text, object.data + SIGN_SIZE, object.size - SIGN_SIZE, &error));
    if (name_size > 127) {
        char *name = memmem(text.data, text.size, "xxx", 3);
        assert_non_null(name);
        size_t at = (size_t)(name - (char *)text.data);
        assert_good(buffer_append_u8(&text, 0, &error));
        memmove(text.data + at + 1, text.data + at, text.size - at - 1);
    }
    while (SIGN_SIZE + text.size < size) {
        assert_good(buffer_append_u8(&text, ' ', &error));
    }
    assert_good(sign(signature, &world->recovery, "kura/1 host", text.data, text.size, &error));
    buffer_clear(&object);
    assert_good(buffer_append(&object, signature, sizeof signature, &error));
    assert_good(buffer_append(&object, text.data, text.size, &error));
    enum status status =
        host_record_decode(&record, object.data, object.size, world->host.repository,
                           world->recovery.public_key, &error);
    buffer_free(&object);
    buffer_free(&text);
    return status;
}

static void test_host_record(void **state)
{
    (void)state;
    struct error error;
    struct world world = {0};
    assert_good(signing_key_generate(&world.recovery, &error));
    assert_int_equal(host_record_of(&world, 127, 0), STATUS_OK);
    assert_int_equal(host_record_of(&world, 128, 0), STATUS_CORRUPT);
    assert_int_equal(host_record_of(&world, 5, 4096), STATUS_OK);
    assert_int_equal(host_record_of(&world, 5, 4097), STATUS_CORRUPT);
    signing_key_free(&world.recovery);
}

static enum status header_of(size_t stanzas, size_t size)
{
    struct error error;
    struct buffer text = {0};
    static const unsigned char file_key[AGE_FILE_KEY_SIZE];
    struct age_header *header = calloc(1, sizeof *header);
    char *argument = malloc(size + 2);
    assert_non_null(header);
    assert_non_null(argument);
    assert_good(age_header_start(&text, &error));
    for (size_t i = 0; i < stanzas; i++) {
        /* The last one fills it up; the last line is 48 bytes. */
        const size_t fixed = strlen("-> \n") + AGE_LINE_LENGTH - 21 + 1 + 48;
        size_t fill =
            i + 1 < stanzas || size < text.size + fixed + 1 ? 1 : size - text.size - fixed;
        memset(argument, 'x', fill);
        argument[fill] = '\0';
        assert_good(
            age_header_append_stanza(&text, argument, (unsigned char[AGE_BODY_SIZE]){0}, &error));
    }
    assert_good(age_header_finish(&text, file_key, &error));
    assert_true(size == 0 || text.size == size);
    enum status status = age_header_parse(header, text.data, text.size, &error);
    buffer_free(&text);
    free(argument);
    free(header);
    return status;
}

static void test_age_header(void **state)
{
    (void)state;
    assert_int_equal(header_of(AGE_STANZAS_LIMIT, 0), STATUS_OK);
    assert_int_equal(header_of(AGE_STANZAS_LIMIT + 1, 0), STATUS_CORRUPT);
    assert_int_equal(header_of(2, AGE_HEADER_LIMIT), STATUS_OK);
    assert_int_equal(header_of(2, AGE_HEADER_LIMIT + 1), STATUS_CORRUPT);
}

static int start(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),       cmocka_unit_test(test_statement),
        cmocka_unit_test(test_register),   cmocka_unit_test(test_catalogue),
        cmocka_unit_test(test_index),      cmocka_unit_test(test_host_record),
        cmocka_unit_test(test_age_header), cmocka_unit_test(test_erasure),
    };
    return cmocka_run_group_tests_name("bounds", tests, start, NULL);
}
