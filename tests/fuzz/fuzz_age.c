// room: keys
/* Any bytes as an age file: opened or refused, never more. The first byte chooses a valid header in
 * front of the rest, so that the payload is reached, or the rest as it is; if its header has a
 * stanza that opens, it is read a second time under the right MAC. */
#include "../../src/keys/age_private.h"
#include "fuzz_keys.h"

static struct buffer header;

static void start(void)
{
    struct error error = {0};
    size_t length = 0;
    fuzz_start();
    if (header.size == 0) {
        fuzz_must(age_seal_buffer(&header, "", 0, &fuzz_identity()->recipient, 1, NULL, &error) ==
                      STATUS_OK &&
                  age_header_length(&length, header.data, header.size, &error) == STATUS_OK);
        header.size = length;
    }
}

static void read_all(struct fuzz_bytes bytes)
{
    struct error error = {0};
    struct age_reader *reader = NULL;
    unsigned char piece[4096];
    size_t got = 1;
    const struct passphrase_source source = {.get = fuzz_no_passphrase};
    enum status status =
        age_reader_open(&reader, fuzz_supply(&bytes), fuzz_identity(), 1, &source, &error);
    while (status == STATUS_OK && got > 0) {
        status = age_reader_read(reader, piece, sizeof(piece), &got, &error);
    }
    age_reader_free(reader);
}

static void open_all(const struct buffer *whole)
{
    struct error error = {0};
    struct buffer opened = {0};
    size_t length = 0;
    fuzz_must(age_header_length(&length, whole->data, whole->size, &error) != STATUS_OK ||
              length <= whole->size);
    read_all((struct fuzz_bytes){.at = whole->data, .left = whole->size});
    fuzz_must(age_open_buffer(&opened, whole->data, whole->size, fuzz_identity(), 1, 65536,
                              &error) == STATUS_OK ||
              opened.size == 0);
    buffer_free(&opened);
}

/* Puts the MAC right. False if no stanza opens. */
static bool authenticate(struct buffer *right, const struct buffer *whole)
{
    struct error error = {0};
    unsigned char file_key[AGE_FILE_KEY_SIZE];
    bool opened = false;
    struct age_header *parsed = calloc(1, sizeof *parsed);
    fuzz_must(parsed != NULL);
    if (age_header_parse(parsed, whole->data, whole->size, &error) == STATUS_OK) {
        for (size_t i = 0; i < parsed->count && !opened; i++) {
            if (age_stanza_is(&parsed->stanzas[i], "X25519") &&
                age_recipient_unwrap(file_key, &opened, &parsed->stanzas[i], fuzz_identity(),
                                     &error) != STATUS_OK) {
                break;
            }
        }
    }
    if (opened) {
        fuzz_must(buffer_append(right, whole->data, parsed->covered - 3, &error) == STATUS_OK &&
                  age_header_finish(right, file_key, &error) == STATUS_OK &&
                  buffer_append(right, whole->data + parsed->size, whole->size - parsed->size,
                                &error) == STATUS_OK);
    }
    free(parsed);
    return opened;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct buffer whole = {0};
    struct buffer right = {0};
    if (size == 0) {
        return 0;
    }
    start();
    fuzz_must((data[0] & 1) == 0 ||
              buffer_append(&whole, header.data, header.size, &error) == STATUS_OK);
    fuzz_must(buffer_append(&whole, data + 1, size - 1, &error) == STATUS_OK);
    open_all(&whole);
    if (authenticate(&right, &whole)) {
        open_all(&right);
    }
    buffer_free(&whole);
    buffer_free(&right);
    return 0;
}
