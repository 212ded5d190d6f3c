/* Signed notes: the examples of the specifications, what Python's Ed25519 signs, and every way in
 * which a note can be wrong. */
#include "keys_test.h"
#include "kura/signed.h"

/* Made by tests/support/judge-log note, another implementation, with the seed 00 01 02 … 1f. */
#define NAME "kura/0123456789abcdef0123456789abcdef"
#define TEXT NAME "\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
#define SIGNED                                                                                     \
    TEXT "\n\xe2\x80\x94 " NAME " "                                                                \
         "7sC+BwGKEdyGiT/RwUWcbQn6BHYzjZ8Fgk0gtRrwh9WzLzDFEFqR+aYZJ+rTGgmh6NYY/"                   \
         "W4iypCCPvZBHvX2F739KAY="                                                                 \
         "\n"
/* Printed in signed-note.md. */
#define EXAMPLE                                                                                    \
    "Ognuno sta solo sul cuor della terra\n"                                                       \
    "trafitto da un raggio di sole:\n"                                                             \
    "\n"                                                                                           \
    "ed \xc3\xa8 subito sera.\n"                                                                   \
    "\n"                                                                                           \
    "\xe2\x80\x94 quasimodo.example/salvatore "                                                    \
    "NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=" \
    "\n"

static struct signing_key key;

static int make_key(void **state)
{
    (void)state;
    struct error error = {0};
    unsigned char seed[SIGN_SEED_SIZE];
    for (unsigned i = 0; i < sizeof seed; i++) {
        seed[i] = (unsigned char)i;
    }
    return sodium_init() < 0 || signing_key_from_seed(&key, seed, &error) != STATUS_OK ? -1 : 0;
}

static int free_key(void **state)
{
    (void)state;
    signing_key_free(&key);
    return 0;
}

static enum status verify(const char *note, size_t size)
{
    struct error error = {0};
    size_t text_size = 1;
    enum status status = note_verify(&text_size, note, size, NAME, key.public_key, &error);
    assert_int_equal(text_size == 0, status != STATUS_OK);
    assert_int_equal(error.message[0] == '\0', status == STATUS_OK);
    return status;
}

static void test_as_another_program_signs(void **state)
{
    (void)state;
    struct error error = {0};
    CLEANUP(buffer_free) struct buffer note = {0};
    size_t text_size = 0;
    assert_ok(note_sign(&note, TEXT, NAME, &key, &error));
    assert_int_equal(note.size, strlen(SIGNED));
    assert_memory_equal(note.data, SIGNED, note.size);
    assert_ok(note_verify(&text_size, SIGNED, strlen(SIGNED), NAME, key.public_key, &error));
    assert_int_equal(text_size, strlen(TEXT));
}

/* Its text has an empty line and is not ASCII; as we have not its key, it is signed by nobody. */
static void test_example_of_the_specification(void **state)
{
    (void)state;
    struct error error = {0};
    CLEANUP(buffer_free) struct buffer both = {0};
    const char *text_end = strstr(EXAMPLE, "sera.\n") + strlen("sera.\n");
    char text[sizeof EXAMPLE];
    size_t text_size = 0;
    assert_int_equal(verify(EXAMPLE, strlen(EXAMPLE)), STATUS_UNAUTHENTIC);
    snprintf(text, sizeof text, "%.*s", (int)(text_end - EXAMPLE), EXAMPLE);
    assert_ok(note_sign(&both, text, NAME, &key, &error));
    assert_ok(buffer_append_text(&both, text_end + 1, &error)); /* their line behind ours */
    assert_ok(note_verify(&text_size, (char *)both.data, both.size, NAME, key.public_key, &error));
    assert_int_equal(text_size, strlen(text));
}

/* The example of Go's golang.org/x/mod/sumdb/note, with its key. */
static void test_example_of_go(void **state)
{
    (void)state;
    static const char note[] =
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
        "\n"
        "\xe2\x80\x94 PeterNeumann "
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfq"
        "dngotpRZb6KE6RyyBwJnAM=\n";
    struct error error = {0};
    unsigned char typed_key[1 + SIGN_PUBLIC_SIZE];
    size_t text_size = 0;
    static const char encoded[] = "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_int_equal(sodium_base642bin(typed_key, sizeof typed_key, encoded, strlen(encoded), NULL,
                                       NULL, NULL, sodium_base64_VARIANT_ORIGINAL),
                     0);
    assert_int_equal(typed_key[0], 1);
    assert_ok(note_verify(&text_size, note, strlen(note), "PeterNeumann", typed_key + 1, &error));
    assert_int_equal(text_size, strstr(note, "\n\n") + 1 - note);
}

static void test_every_changed_byte(void **state)
{
    (void)state;
    char note[] = SIGNED;
    size_t size = strlen(note);
    for (size_t i = 0; i < size; i++) {
        for (unsigned bit = 1; bit < 256; bit <<= 1) {
            note[i] = (char)((unsigned char)note[i] ^ bit);
            assert_int_not_equal(verify(note, size), STATUS_OK);
            note[i] = (char)((unsigned char)note[i] ^ bit);
        }
    }
    for (size_t i = 0; i < size; i++) {
        assert_int_not_equal(verify(note, i), STATUS_OK);
    }
    assert_int_equal(verify(note, size), STATUS_OK);
}

static void test_another_name_or_key(void **state)
{
    (void)state;
    struct error error = {0};
    struct signing_key other = {0};
    size_t text_size = 0;
    assert_ok(signing_key_generate(&other, &error));
    assert_int_equal(
        note_verify(&text_size, SIGNED, strlen(SIGNED), NAME, other.public_key, &error),
        STATUS_UNAUTHENTIC);
    assert_int_equal(
        note_verify(&text_size, SIGNED, strlen(SIGNED), "kura/0", key.public_key, &error),
        STATUS_UNAUTHENTIC);
    signing_key_free(&other);
}

/* A line with our name and key id that does not verify spoils the note, even beside a good one. */
static void test_false_line_beside_the_right_one(void **state)
{
    (void)state;
    char note[2 * sizeof SIGNED];
    const char *line = &SIGNED[strlen(TEXT) + 1];
    int size = snprintf(note, sizeof note, "%s%s", SIGNED, line);
    assert_int_equal(verify(note, (size_t)size), STATUS_OK); /* the same line twice */
    char *last = note + size - 10;
    *last = *last == 'A' ? 'B' : 'A';
    assert_int_equal(verify(note, (size_t)size), STATUS_UNAUTHENTIC);
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const notes[] = {
        "",
        "\n",
        "\n\n",
        "text\n",
        "text\n\n",
        "text\n\ntext\n",
        "text\n\n\xe2\x80\x94 name\n",
        "text\n\n\xe2\x80\x94 name \n",
        "text\n\n\xe2\x80\x94 name AAAA\n",               /* no more than a key id */
        "text\n\n\xe2\x80\x94 name AAAAAAAA",             /* no newline at the end */
        "text\n\n\xe2\x80\x94 name AAAAAAA\n",            /* base64 without its padding */
        "text\n\n\xe2\x80\x94 name AAAA AAAA\n",          /* a space in it */
        "text\n\n\xe2\x80\x94 na+me AAAAAAAA\n",          /* a plus in the name */
        "text\n\n\xe2\x80\x94  AAAAAAAA\n",               /* no name */
        "text\n\n\xe2\x80\x94 a\xe3\x80\x80z AAAAAAAA\n", /* an ideographic space in it */
        "text\n\n- name AAAAAAAA\n",
        "te\txt\n\n\xe2\x80\x94 name AAAAAAAA\n",
        "te\xff\n\n\xe2\x80\x94 name AAAAAAAA\n",
        "te\xed\xa0\x80\n\n\xe2\x80\x94 name AAAAAAAA\n", /* a surrogate */
        "te\xc0\xaf\n\n\xe2\x80\x94 name AAAAAAAA\n",     /* an overlong slash */
        "te\xf4\x90\x80\x80\n\n\xe2\x80\x94 name AAAAAAAA\n",
    };
    for (size_t i = 0; i < LENGTH(notes); i++) {
        assert_int_equal(verify(notes[i], strlen(notes[i])), STATUS_CORRUPT);
    }
    static const char with_zero[] = "te\0xt\n\n\xe2\x80\x94 name AAAAAAAA\n";
    assert_int_equal(verify(with_zero, sizeof with_zero - 1), STATUS_CORRUPT);
    static const char foreign[] = "text\n\n\xe2\x80\x94 name AAAAAAAA\n";
    assert_int_equal(verify(foreign, sizeof foreign - 1), STATUS_UNAUTHENTIC);
}

static void test_too_much(void **state)
{
    (void)state;
    struct error error = {0};
    CLEANUP(buffer_free) struct buffer note = {0};
    assert_ok(buffer_append_text(&note, SIGNED, &error));
    for (int i = 0; i < 16; i++) { /* so many a verifier must bear */
        assert_ok(buffer_append_text(&note, "\xe2\x80\x94 name AAAAAAAA\n", &error));
    }
    assert_int_equal(verify((char *)note.data, note.size), STATUS_OK);
    for (int i = 0; i < 64; i++) {
        assert_ok(buffer_append_text(&note, "\xe2\x80\x94 name AAAAAAAA\n", &error));
    }
    assert_int_equal(verify((char *)note.data, note.size), STATUS_CORRUPT);
    char *text = malloc(NOTE_SIZE_LIMIT + 1);
    assert_non_null(text);
    memset(text, 'x', NOTE_SIZE_LIMIT);
    text[NOTE_SIZE_LIMIT - 1] = '\n';
    text[NOTE_SIZE_LIMIT] = '\0';
    assert_int_equal(note_sign(&note, text, NAME, &key, &error), STATUS_FAILED);
    free(text);
}

static void test_what_is_not_signed(void **state)
{
    (void)state;
    struct error error = {0};
    CLEANUP(buffer_free) struct buffer note = {0};
    char long_name[NOTE_NAME_SIZE + 1];
    memset(long_name, 'n', NOTE_NAME_SIZE);
    long_name[NOTE_NAME_SIZE] = '\0';
    const char *const pairs[][2] = {
        {"", "name"},   {"text", "name"},    {"te\rxt\n", "name"}, {"te\xff\n", "name"},
        {"text\n", ""}, {"text\n", "na me"}, {"text\n", "na+me"},  {"text\n", long_name}};
    for (size_t i = 0; i < LENGTH(pairs); i++) {
        assert_int_equal(note_sign(&note, pairs[i][0], pairs[i][1], &key, &error), STATUS_FAILED);
    }
    assert_int_equal(note.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_another_program_signs),
        cmocka_unit_test(test_example_of_the_specification),
        cmocka_unit_test(test_example_of_go),
        cmocka_unit_test(test_every_changed_byte),
        cmocka_unit_test(test_another_name_or_key),
        cmocka_unit_test(test_false_line_beside_the_right_one),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_what_is_not_signed),
    };
    return cmocka_run_group_tests(tests, make_key, free_key);
}
