/* Writer and reader: what is not whole, not authentic, or beyond the limits is never taken for a
 * file, and what was handed out before is always what was sealed. */
#include "keys_test.h"
#include "keys/age_private.h"

#define CHUNK ((size_t)64 * 1024)

static struct age_identity identity;

static int make(void **state)
{
    (void)state;
    struct error error = {0};
    return sodium_init() < 0 || age_identity_generate(&identity, &error) != STATUS_OK ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    age_identity_free(&identity);
    return 0;
}

struct served {
    const unsigned char *at;
    size_t left;
    size_t reads_until_failure;
};

static enum status serve(void *context, void *target, size_t size, size_t *got, struct error *error)
{
    struct served *served = context;
    if (served->reads_until_failure > 0 && --served->reads_until_failure == 0) {
        return error_set(error, STATUS_UNREACHABLE, 0, "the line is down");
    }
    *got = size < served->left ? size : served->left;
    memcpy(target, served->at, *got);
    served->at += *got;
    served->left -= *got;
    return STATUS_OK;
}

static struct buffer seal(const unsigned char *plain, size_t size)
{
    struct error error = {0};
    struct buffer sealed = {0};
    assert_ok(age_seal_buffer(&sealed, plain, size, &identity.recipient, 1, NULL, &error));
    return sealed;
}

static enum status open_served(struct served served, const unsigned char *plain, size_t *opened)
{
    struct error error = {0};
    struct age_reader *reader = NULL;
    size_t got = 1;
    *opened = 0;
    enum status status =
        age_reader_open(&reader, (struct age_supply){.read = serve, .context = &served}, &identity,
                        1, NULL, &error);
    while (status == STATUS_OK && got > 0) {
        unsigned char piece[9973];
        status = age_reader_read(reader, piece, sizeof(piece), &got, &error);
        if (status == STATUS_OK) {
            assert_memory_equal(piece, plain + *opened, got);
            *opened += got;
        }
    }
    if (reader != NULL) {
        /* The end, and a failure, stay. */
        unsigned char byte;
        assert_int_equal(age_reader_read(reader, &byte, 1, &got, &error), status);
        assert_int_equal(got, 0);
    }
    age_reader_free(reader);
    return status;
}

static enum status open_bytes(const unsigned char *sealed, size_t size, const unsigned char *plain)
{
    size_t opened = 0;
    return open_served((struct served){.at = sealed, .left = size}, plain, &opened);
}

static void test_every_size_around_the_chunks(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,
                                   1,
                                   15,
                                   16,
                                   17,
                                   CHUNK - 1,
                                   CHUNK,
                                   CHUNK + 1,
                                   2 * CHUNK - 1,
                                   2 * CHUNK,
                                   2 * CHUNK + 1,
                                   3 * CHUNK + 777};
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        size_t opened = 0;
        unsigned char *plain = sample(sizes[i]);
        struct buffer sealed = seal(plain, sizes[i]);
        assert_int_equal(
            open_served((struct served){.at = sealed.data, .left = sealed.size}, plain, &opened),
            STATUS_OK);
        assert_int_equal(opened, sizes[i]);
        size_t chunks = sizes[i] == 0 ? 1 : (sizes[i] + CHUNK - 1) / CHUNK;
        size_t header = 0;
        struct error error = {0};
        assert_ok(age_header_length(&header, sealed.data, sealed.size, &error));
        assert_int_equal(sealed.size, header + 16 + sizes[i] + 16 * chunks);
        buffer_free(&sealed);
        free(plain);
    }
}

static void test_cut_off_anywhere(void **state)
{
    (void)state;
    unsigned char *plain = sample(2 * CHUNK);
    struct buffer sealed = seal(plain, 2 * CHUNK);
    for (size_t size = 0; size < sealed.size; size += size < 400 ? 1 : 331) {
        assert_int_equal(open_bytes(sealed.data, size, plain), STATUS_CORRUPT);
    }
    assert_int_equal(open_bytes(sealed.data, sealed.size - 1, plain), STATUS_CORRUPT);
    /* Between the chunks: the first is handed out, the end is not said. */
    assert_int_equal(open_bytes(sealed.data, sealed.size - CHUNK - 16, plain), STATUS_CORRUPT);
    buffer_free(&sealed);
    free(plain);
}

static void test_changed_anywhere(void **state)
{
    (void)state;
    unsigned char *plain = sample(CHUNK + 100);
    struct buffer sealed = seal(plain, CHUNK + 100);
    for (size_t i = 0; i < sealed.size; i += i < 300 ? 1 : 499) {
        sealed.data[i] ^= 1;
        enum status status = open_bytes(sealed.data, sealed.size, plain);
        sealed.data[i] ^= 1;
        /* In the header it may also become a stanza that is for nobody here, or another version. */
        bool refused = status == STATUS_CORRUPT ||
                       (i < 200 && (status == STATUS_DENIED || status == STATUS_UNSUPPORTED));
        if (!refused) {
            fail_msg("byte %zu changed: status %d", i, (int)status);
        }
    }
    buffer_free(&sealed);
    free(plain);
}

static void test_chunks_moved(void **state)
{
    (void)state;
    unsigned char *plain = sample(3 * CHUNK);
    struct buffer sealed = seal(plain, 3 * CHUNK);
    size_t header = 0;
    struct error error = {0};
    assert_ok(age_header_length(&header, sealed.data, sealed.size, &error));
    unsigned char *chunks = sealed.data + header + 16;
    unsigned char *kept = malloc(CHUNK + 16);
    assert_non_null(kept);
    memcpy(kept, chunks, CHUNK + 16);
    memcpy(chunks, chunks + CHUNK + 16, CHUNK + 16);
    memcpy(chunks + CHUNK + 16, kept, CHUNK + 16);
    assert_int_equal(open_bytes(sealed.data, sealed.size, plain), STATUS_CORRUPT);
    free(kept);
    buffer_free(&sealed);
    free(plain);
}

static void test_something_follows(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 100, CHUNK, CHUNK + 5, 2 * CHUNK};
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        struct error error = {0};
        unsigned char *plain = sample(sizes[i]);
        struct buffer sealed = seal(plain, sizes[i]);
        assert_ok(buffer_append_u8(&sealed, 0, &error));
        assert_int_equal(open_bytes(sealed.data, sealed.size, plain), STATUS_CORRUPT);
        buffer_free(&sealed);
        free(plain);
    }
}

static void test_supply_fails(void **state)
{
    (void)state;
    size_t opened = 0;
    unsigned char *plain = sample(4 * CHUNK);
    struct buffer sealed = seal(plain, 4 * CHUNK);
    for (size_t reads = 1; reads < 5; reads++) {
        struct served served = {
            .at = sealed.data, .left = sealed.size, .reads_until_failure = reads};
        assert_int_equal(open_served(served, plain, &opened), STATUS_UNREACHABLE);
        assert_true(opened < 4 * CHUNK);
    }
    buffer_free(&sealed);
    free(plain);
}

static struct {
    struct buffer bytes;
    size_t writes_until_failure;
} sunk;

static enum status sink_write(void *context, const void *data, size_t size, struct error *error)
{
    (void)context;
    if (sunk.writes_until_failure > 0 && --sunk.writes_until_failure == 0) {
        return error_set(error, STATUS_NO_SPACE, 0, "the disk is full");
    }
    return buffer_append(&sunk.bytes, data, size, error);
}

static void test_sink_fails(void **state)
{
    (void)state;
    struct error error = {0};
    unsigned char *plain = sample(3 * CHUNK);
    const struct age_sink sink = {.write = sink_write};
    for (size_t writes = 1; writes < 5; writes++) {
        struct age_writer *writer = NULL;
        sunk.writes_until_failure = writes;
        enum status status = age_writer_open(&writer, sink, &identity.recipient, 1, NULL, &error);
        if (status == STATUS_OK) {
            status = age_writer_write(writer, plain, 3 * CHUNK, &error);
        }
        if (status == STATUS_OK) {
            status = age_writer_finish(writer, &error);
        }
        assert_int_equal(status, STATUS_NO_SPACE);
        if (writer != NULL) {
            /* After a failure nothing can make it a whole file any more. */
            assert_int_equal(age_writer_write(writer, plain, 1, &error), STATUS_FAILED);
            assert_int_equal(age_writer_finish(writer, &error), STATUS_FAILED);
        }
        age_writer_free(writer);
        buffer_free(&sunk.bytes);
        sunk.bytes = (struct buffer){0};
    }
    free(plain);
}

static void test_given_file_key(void **state)
{
    (void)state;
    struct error error = {0};
    unsigned char file_key[AGE_FILE_KEY_SIZE];
    struct age_writer *writer = NULL;
    struct age_reader *reader = NULL;
    memset(file_key, 3, sizeof(file_key));
    assert_ok(age_writer_open(&writer, (struct age_sink){.write = sink_write}, &identity.recipient,
                              1, file_key, &error));
    assert_ok(age_writer_write(writer, "abc", 3, &error));
    assert_ok(age_writer_finish(writer, &error));
    assert_int_equal(age_writer_finish(writer, &error), STATUS_FAILED);
    struct served served = {.at = sunk.bytes.data, .left = sunk.bytes.size};
    assert_ok(age_reader_open(&reader, (struct age_supply){.read = serve, .context = &served},
                              &identity, 1, NULL, &error));
    assert_memory_equal(age_reader_file_key(reader), file_key, sizeof(file_key));
    size_t got = 7;
    assert_int_equal(age_reader_read(reader, file_key, 0, &got, &error), STATUS_FAILED);
    age_reader_free(reader);
    age_writer_free(writer);
    buffer_free(&sunk.bytes);
    sunk.bytes = (struct buffer){0};
}

static void test_two_files_have_nothing_in_common(void **state)
{
    (void)state;
    struct buffer one = seal((const unsigned char *)"same", 4);
    struct buffer two = seal((const unsigned char *)"same", 4);
    assert_int_equal(one.size, two.size);
    size_t version = strlen("age-encryption.org/v1\n-> X25519 ");
    assert_memory_not_equal(one.data + version, two.data + version, 32);
    assert_memory_not_equal(one.data + one.size - 36, two.data + two.size - 36, 16);
    buffer_free(&one);
    buffer_free(&two);
}

static void test_limit_of_plaintext(void **state)
{
    (void)state;
    struct error error = {0};
    struct buffer opened = {0};
    unsigned char *plain = sample(CHUNK);
    struct buffer sealed = seal(plain, CHUNK);
    assert_int_equal(
        age_open_buffer(&opened, sealed.data, sealed.size, &identity, 1, CHUNK - 1, &error),
        STATUS_CORRUPT);
    assert_int_equal(opened.size, 0);
    assert_ok(buffer_append_text(&opened, "before", &error));
    assert_ok(age_open_buffer(&opened, sealed.data, sealed.size, &identity, 1, CHUNK, &error));
    assert_int_equal(opened.size, 6 + CHUNK);
    assert_memory_equal(opened.data + 6, plain, CHUNK);
    buffer_free(&opened);
    buffer_free(&sealed);
    free(plain);
}

static void test_limits_of_keys(void **state)
{
    (void)state;
    struct error error = {0};
    struct age_writer *writer = NULL;
    struct age_reader *reader = NULL;
    struct age_recipient recipients[AGE_STANZAS_LIMIT + 1];
    struct age_identity identities[AGE_IDENTITIES_LIMIT + 1];
    struct age_identity others[AGE_IDENTITIES_LIMIT] = {0};
    const struct age_sink sink = {.write = sink_write};
    for (size_t i = 0; i < LENGTH(recipients); i++) {
        recipients[i] = identity.recipient;
    }
    assert_int_equal(age_writer_open(&writer, sink, recipients, 0, NULL, &error), STATUS_USAGE);
    assert_int_equal(age_writer_open(&writer, sink, recipients, LENGTH(recipients), NULL, &error),
                     STATUS_USAGE);
    assert_null(writer);
    for (size_t i = 0; i < LENGTH(others); i++) {
        assert_ok(age_identity_generate(&others[i], &error));
        identities[i] = others[i];
    }
    identities[AGE_IDENTITIES_LIMIT] = identity;
    struct buffer sealed = {0};
    struct buffer opened = {0};
    assert_ok(age_seal_buffer(&sealed, "x", 1, recipients, AGE_STANZAS_LIMIT, NULL, &error));
    struct served served = {.at = sealed.data, .left = sealed.size};
    assert_int_equal(age_reader_open(&reader,
                                     (struct age_supply){.read = serve, .context = &served},
                                     identities, LENGTH(identities), NULL, &error),
                     STATUS_USAGE);
    assert_ok(age_open_buffer(&opened, sealed.data, sealed.size, identities + 1,
                              AGE_IDENTITIES_LIMIT, 1, &error));
    assert_int_equal(age_open_buffer(&opened, sealed.data, sealed.size, others, 1, 1, &error),
                     STATUS_DENIED);
    for (size_t i = 0; i < LENGTH(others); i++) {
        age_identity_free(&others[i]);
    }
    buffer_free(&sealed);
    buffer_free(&opened);
}

static enum status header_of(const struct buffer *text)
{
    struct error error = {0};
    size_t length = 0;
    enum status status = age_header_length(&length, text->data, text->size, &error);
    size_t opened = 0;
    assert_int_equal(
        open_served((struct served){.at = text->data, .left = text->size}, NULL, &opened),
        status == STATUS_OK ? STATUS_DENIED : status);
    return status;
}

static struct buffer header_with(size_t stanzas, size_t argument_size)
{
    struct error error = {0};
    struct buffer text = {0};
    char *argument = malloc(argument_size + 1);
    assert_non_null(argument);
    memset(argument, 'x', argument_size);
    argument[argument_size] = '\0';
    assert_ok(buffer_append_text(&text, "age-encryption.org/v1\n", &error));
    for (size_t i = 0; i < stanzas; i++) {
        assert_ok(buffer_append_text(&text, "-> ", &error));
        assert_ok(buffer_append_text(&text, argument, &error));
        assert_ok(buffer_append_text(&text, "\n\n", &error));
    }
    assert_ok(buffer_append_text(&text, "--- ", &error));
    assert_ok(buffer_append_text(&text, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", &error));
    free(argument);
    return text;
}

static void test_limits_of_headers(void **state)
{
    (void)state;
    static const struct {
        size_t stanzas;
        size_t argument_size;
        enum status status;
    } cases[] = {
        {0, 1, STATUS_CORRUPT},
        {1, 1, STATUS_OK},
        {AGE_STANZAS_LIMIT, 1, STATUS_OK},
        {AGE_STANZAS_LIMIT + 1, 1, STATUS_CORRUPT},
        {1, AGE_HEADER_LIMIT - 75, STATUS_OK}, /* exactly the limit */
        {1, AGE_HEADER_LIMIT - 74, STATUS_CORRUPT},
        {1, 8 * (size_t)AGE_HEADER_LIMIT, STATUS_CORRUPT},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct buffer text = header_with(cases[i].stanzas, cases[i].argument_size);
        if (i == 4) {
            assert_int_equal(text.size, AGE_HEADER_LIMIT);
        }
        assert_int_equal(header_of(&text), cases[i].status);
        buffer_free(&text);
    }
}

static void test_points_of_low_order(void **state)
{
    (void)state;
    /* The points of order 1, 2 and 8 in their canonical form. */
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    for (size_t i = 0; i < LENGTH(points); i++) {
        struct error error = {0};
        struct age_recipient recipient;
        struct age_recipient parsed;
        struct buffer sealed = {0};
        char text[AGE_RECIPIENT_TEXT_SIZE];
        assert_true(hex_decode(recipient.public_key, AGE_KEY_SIZE, points[i], 64));
        age_recipient_format(text, &recipient);
        assert_int_equal(age_recipient_parse(&parsed, text, &error), STATUS_USAGE);
        assert_int_equal(age_seal_buffer(&sealed, "x", 1, &recipient, 1, NULL, &error),
                         STATUS_DENIED);
        assert_int_equal(sealed.size, 0);
        buffer_free(&sealed);
    }
}

static void test_passphrase_missing_or_refused(void **state)
{
    (void)state;
    struct error error = {0};
    struct age_writer *writer = NULL;
    const struct age_sink sink = {.write = sink_write};
    struct secret_text passphrase = secret_of("passphrase");
    struct secret_text empty = secret_of("");
    assert_int_equal(age_writer_open_passphrase(&writer, sink, &empty, 10, &error), STATUS_DENIED);
    assert_int_equal(age_writer_open_passphrase(&writer, sink, &passphrase, 0, &error),
                     STATUS_USAGE);
    assert_int_equal(
        age_writer_open_passphrase(&writer, sink, &passphrase, AGE_WORK_FACTOR_LIMIT + 1, &error),
        STATUS_USAGE);
    assert_ok(age_writer_open_passphrase(&writer, sink, &passphrase, 8, &error));
    assert_ok(age_writer_finish(writer, &error));
    struct buffer opened = {0};
    assert_int_equal(
        age_open_buffer(&opened, sunk.bytes.data, sunk.bytes.size, &identity, 1, 10, &error),
        STATUS_DENIED);
    age_writer_free(writer);
    buffer_free(&sunk.bytes);
    sunk.bytes = (struct buffer){0};
    buffer_free(&opened);
    secret_text_free(&passphrase);
    secret_text_free(&empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size_around_the_chunks),
        cmocka_unit_test(test_cut_off_anywhere),
        cmocka_unit_test(test_changed_anywhere),
        cmocka_unit_test(test_chunks_moved),
        cmocka_unit_test(test_something_follows),
        cmocka_unit_test(test_supply_fails),
        cmocka_unit_test(test_sink_fails),
        cmocka_unit_test(test_given_file_key),
        cmocka_unit_test(test_two_files_have_nothing_in_common),
        cmocka_unit_test(test_limit_of_plaintext),
        cmocka_unit_test(test_limits_of_keys),
        cmocka_unit_test(test_limits_of_headers),
        cmocka_unit_test(test_points_of_low_order),
        cmocka_unit_test(test_passphrase_missing_or_refused),
    };
    return cmocka_run_group_tests_name("age stream", tests, make, end);
}
