// room: keys
/* Any bytes as a recovery kit's file, as the lines sealed in one, as a host key's file, and as a
 * signed host record. The first byte chooses. */
#include "kura/keys.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/tmp/fuzz-kit-XXXXXX";
static struct signing_key signer;
static struct buffer sealed;

static void remove_file(void)
{
    unlink(path);
}

static void start(void)
{
    struct error error = {0};
    if (signer.seed != NULL) {
        return;
    }
    int fd = mkstemp(path);
    if (sodium_init() < 0 || fd < 0 || atexit(remove_file) != 0 ||
        signing_key_generate(&signer, &error) != STATUS_OK) {
        abort();
    }
    close(fd);
}

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

static void write_file(const void *data, size_t size)
{
    FILE *file = fopen(path, "we");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
}

static void read_kit(void)
{
    struct error error = {0};
    struct recovery_kit kit = {0};
    const struct passphrase_source source = {.get = give};
    if (recovery_kit_read(&kit, path, &source, &error) == STATUS_OK && kit.url == NULL) {
        abort();
    }
    recovery_kit_free(&kit);
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
    if (give(NULL, &passphrase, "", &error) != STATUS_OK ||
        age_writer_open_passphrase(&writer, (struct age_sink){.write = collect}, &passphrase, 1,
                                   &error) != STATUS_OK ||
        age_writer_write(writer, data, size, &error) != STATUS_OK ||
        age_writer_finish(writer, &error) != STATUS_OK ||
        buffer_append_text(&text, "-----BEGIN AGE ENCRYPTED FILE-----\n", &error) != STATUS_OK) {
        abort();
    }
    for (size_t at = 0; at < sealed.size; at += 48) {
        size_t part = sealed.size - at < 48 ? sealed.size - at : 48;
        sodium_bin2base64(line, sizeof(line), sealed.data + at, part,
                          sodium_base64_VARIANT_ORIGINAL);
        if (buffer_append_text(&text, line, &error) != STATUS_OK ||
            buffer_append_text(&text, "\n", &error) != STATUS_OK) {
            abort();
        }
    }
    if (buffer_append_text(&text, "-----END AGE ENCRYPTED FILE-----\n", &error) != STATUS_OK) {
        abort();
    }
    write_file(text.data, text.size);
    read_kit();
    age_writer_free(writer);
    secret_text_free(&passphrase);
    buffer_free(&text);
}

static void read_host_key(void)
{
    struct error error = {0};
    struct host_key key = {0};
    if (host_key_read(&key, path, &error) == STATUS_OK && key.secret == NULL) {
        abort();
    }
    host_key_free(&key);
}

static void read_record(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct buffer object = {0};
    struct host_record record = {0};
    unsigned char signature[SIGN_SIZE];
    const unsigned char repository[REPOSITORY_ID_SIZE] = {0};
    if (sign(signature, &signer, "kura/1 host", data, size, &error) != STATUS_OK ||
        buffer_append(&object, signature, sizeof(signature), &error) != STATUS_OK ||
        buffer_append(&object, data, size, &error) != STATUS_OK) {
        abort();
    }
    if (host_record_decode(&record, object.data, object.size, repository, signer.public_key,
                           &error) == STATUS_OK &&
        memchr(record.name, '\0', sizeof(record.name)) == NULL) {
        abort();
    }
    buffer_free(&object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start();
    if (size == 0) {
        return 0;
    }
    switch (data[0] & 3) {
    case 0:
        write_file(data + 1, size - 1);
        read_kit();
        break;
    case 1:
        read_lines(data + 1, size - 1);
        break;
    case 2:
        write_file(data + 1, size - 1);
        read_host_key();
        break;
    default:
        read_record(data + 1, size - 1);
        break;
    }
    return 0;
}
