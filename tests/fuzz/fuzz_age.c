// room: keys
/* Any bytes as an age file: opened or refused, never more. The first byte chooses between a valid
 * header put in front, so that the payload is reached, and none. */
#include "kura/keys.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct age_identity identity;
static struct buffer header;

static enum status give(void *context, struct secret_text *passphrase, const char *what_for,
                        struct error *error)
{
    (void)context;
    (void)what_for;
    /* Deriving a key for each input would take all the time. */
    (void)passphrase;
    return error_set(error, STATUS_CANCELLED, 0, "none");
}

static void start(void)
{
    struct error error = {0};
    size_t length = 0;
    if (identity.secret_key != NULL) {
        return;
    }
    if (sodium_init() < 0 || age_identity_generate(&identity, &error) != STATUS_OK ||
        age_seal_buffer(&header, "", 0, &identity.recipient, 1, NULL, &error) != STATUS_OK ||
        age_header_length(&length, header.data, header.size, &error) != STATUS_OK) {
        abort();
    }
    header.size = length;
}

struct served {
    const uint8_t *at;
    size_t left;
};

static enum status serve(void *context, void *target, size_t size, size_t *got, struct error *error)
{
    struct served *served = context;
    (void)error;
    *got = size < served->left ? size : served->left;
    if (*got > 0) {
        memcpy(target, served->at, *got);
        served->at += *got;
        served->left -= *got;
    }
    return STATUS_OK;
}

static void read_all(struct served served)
{
    struct error error = {0};
    struct age_reader *reader = NULL;
    unsigned char piece[4096];
    size_t got = 1;
    const struct passphrase_source source = {.get = give};
    enum status status =
        age_reader_open(&reader, (struct age_supply){.read = serve, .context = &served}, &identity,
                        1, &source, &error);
    while (status == STATUS_OK && got > 0) {
        status = age_reader_read(reader, piece, sizeof(piece), &got, &error);
    }
    age_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct buffer opened = {0};
    struct buffer whole = {0};
    size_t length = 0;
    start();
    if (size == 0) {
        return 0;
    }
    if (((data[0] & 1) != 0 &&
         buffer_append(&whole, header.data, header.size, &error) != STATUS_OK) ||
        buffer_append(&whole, data + 1, size - 1, &error) != STATUS_OK) {
        abort();
    }
    if (age_header_length(&length, whole.data, whole.size, &error) == STATUS_OK &&
        length > whole.size) {
        abort();
    }
    read_all((struct served){.at = whole.data, .left = whole.size});
    if (age_open_buffer(&opened, whole.data, whole.size, &identity, 1, 65536, &error) !=
            STATUS_OK &&
        opened.size != 0) {
        abort();
    }
    buffer_free(&opened);
    buffer_free(&whole);
    return 0;
}
