// room: keys
/* The header in front of an age file, alone: what is collected byte by byte is what is judged, and
 * every stanza is looked at by all who read one. */
#include "../../src/keys/age_private.h"
#include "fuzz_keys.h"

/* No byte more than the header is taken from the supply, and it is the same header. */
static void collect(const uint8_t *data, size_t size, const struct age_header *header)
{
    struct error error = {0};
    struct buffer text = {0};
    struct fuzz_bytes bytes = {data, size};
    struct age_input *input = calloc(1, sizeof *input);
    fuzz_must(input != NULL);
    if (age_input_open(input, fuzz_supply(&bytes), &error) == STATUS_OK &&
        age_header_collect(&text, input, &error) == STATUS_OK) {
        fuzz_must(text.size <= AGE_HEADER_LIMIT);
        fuzz_must(header == NULL || input->armored || text.size == header->size);
    } else {
        fuzz_must(header == NULL);
    }
    buffer_free(&text);
    free(input);
}

/* Everybody who reads a stanza looks at it. The file key, if this is one for the identity. */
static bool look(const struct age_stanza *stanza, unsigned char *file_key)
{
    struct error error = {0};
    const char *argument = NULL;
    size_t size = 0;
    size_t total = 0;
    for (size_t i = 0; i < stanza->argument_count; i++) {
        fuzz_must(age_stanza_argument(stanza, i, &argument, &size) && size > 0);
        total += size + (i > 0);
    }
    fuzz_must(total == stanza->arguments_size && stanza->argument_count > 0 &&
              !age_stanza_argument(stanza, stanza->argument_count, &argument, &size));
    (void)!age_scrypt_check(stanza, &error);
    bool opened = false;
    return age_recipient_unwrap(file_key, &opened, stanza, fuzz_identity(), &error) == STATUS_OK &&
           opened;
}

/* Under a right MAC it is opened as any other. */
static void authenticate(const uint8_t *data, const struct age_header *header,
                         const unsigned char *file_key)
{
    struct error error = {0};
    struct buffer text = {0};
    struct age_header *again = calloc(1, sizeof *again);
    fuzz_must(again != NULL &&
              buffer_append(&text, data, header->covered - 3, &error) == STATUS_OK &&
              age_header_finish(&text, file_key, &error) == STATUS_OK &&
              age_header_parse(again, text.data, text.size, &error) == STATUS_OK &&
              again->count == header->count && again->size == text.size &&
              age_header_verify(again, text.data, file_key));
    buffer_free(&text);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    fuzz_start();
    struct age_header *header = calloc(1, sizeof *header);
    fuzz_must(header != NULL);
    bool good = age_header_parse(header, data, size, &error) == STATUS_OK;
    collect(data, size, good ? header : NULL);
    if (good) {
        unsigned char file_key[AGE_FILE_KEY_SIZE] = {0};
        fuzz_must(header->count > 0 && header->count <= AGE_STANZAS_LIMIT && header->size <= size);
        fuzz_must(text_ascii((const char *)data, header->size));
        for (size_t i = 0; i < header->count; i++) {
            if (look(&header->stanzas[i], file_key)) {
                authenticate(data, header, file_key);
            }
        }
    }
    free(header);
    return 0;
}
