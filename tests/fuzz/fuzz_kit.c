// room: keys
/* Any bytes as a recovery kit's file, and as the lines sealed in one. The first byte chooses. */
#include "fuzz_keys.h"

static struct buffer sealed;

static enum status give(void *context, struct secret_text *passphrase, const char *what_for,
                        struct error *error)
{
    (void)context;
    (void)what_for;
    enum status status = secret_text_new(passphrase, 1, error);
    return status == STATUS_OK ? secret_text_append(passphrase, "x", 1, error) : status;
}

static enum status collect(void *context, const void *data, size_t size, struct error *error)
{
    (void)context;
    return buffer_append(&sealed, data, size, error);
}

static void read_kit(const void *data, size_t size, struct passphrase_source source)
{
    struct error error = {0};
    struct recovery_kit kit = {0};
    if (recovery_kit_read(&kit, fuzz_file(data, size), &source, &error) == STATUS_OK) {
        fuzz_must(kit.url != NULL && kit.identity.secret_key != NULL && kit.signing.seed != NULL);
    } else {
        fuzz_must(kit.url == NULL && error.message[0] != '\0');
    }
    recovery_kit_free(&kit);
}

static void append(struct buffer *text, const char *line)
{
    struct error error = {0};
    fuzz_must(buffer_append_text(text, line, &error) == STATUS_OK);
}

/* The lines, sealed with the least work. */
static void read_lines(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct age_writer *writer = NULL;
    struct secret_text passphrase = {0};
    struct buffer text = {0};
    char line[66];
    buffer_clear(&sealed);
    fuzz_must(give(NULL, &passphrase, "", &error) == STATUS_OK &&
              age_writer_open_passphrase(&writer, (struct age_sink){.write = collect}, &passphrase,
                                         1, &error) == STATUS_OK &&
              age_writer_write(writer, data, size, &error) == STATUS_OK &&
              age_writer_finish(writer, &error) == STATUS_OK);
    append(&text, "-----BEGIN AGE ENCRYPTED FILE-----\n");
    for (size_t at = 0; at < sealed.size; at += 48) {
        size_t part = sealed.size - at < 48 ? sealed.size - at : 48;
        append(&text, sodium_bin2base64(line, sizeof(line), sealed.data + at, part,
                                        sodium_base64_VARIANT_ORIGINAL));
        append(&text, "\n");
    }
    append(&text, "-----END AGE ENCRYPTED FILE-----\n");
    read_kit(text.data, text.size, (struct passphrase_source){.get = give});
    age_writer_free(writer);
    secret_text_free(&passphrase);
    buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    fuzz_start();
    if ((data[0] & 1) == 0) {
        read_kit(data + 1, size - 1, (struct passphrase_source){.get = fuzz_no_passphrase});
    } else {
        read_lines(data + 1, size - 1);
    }
    return 0;
}
