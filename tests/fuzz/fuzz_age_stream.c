// room: keys
/* The payload of an age file under the right keys, put together as the input says: it opens only if
 * the specification has it so, and gives nothing but a beginning of what was sealed.
 *
 * Each chunk is two bytes: which size, and whether it is sealed as the last one. The first byte of
 * the input says how much is cut off the end or put behind it. */
#include "../../src/keys/age_private.h"
#include "fuzz_keys.h"

#define CHUNKS 5

struct sealing {
    struct buffer file;
    struct buffer plain;
    struct age_stream stream;
    size_t chunks;
    bool valid; /* so far, by the specification */
    bool ended; /* the last chunk was sealed as the last */
    bool more;  /* there was another one after such a one */
};

static void start(struct sealing *sealing)
{
    static const unsigned char file_key[AGE_FILE_KEY_SIZE] = "YELLOW SUBMARINE";
    static const unsigned char nonce[AGE_NONCE_SIZE] = {3};
    struct error error = {0};
    fuzz_must(age_header_start(&sealing->file, &error) == STATUS_OK &&
              age_recipient_wrap(&sealing->file, &fuzz_identity()->recipient, file_key, &error) ==
                  STATUS_OK &&
              age_header_finish(&sealing->file, file_key, &error) == STATUS_OK &&
              buffer_append(&sealing->file, nonce, sizeof nonce, &error) == STATUS_OK);
    age_stream_start(&sealing->stream, file_key, nonce);
    sealing->valid = true;
}

static void add_chunk(struct sealing *sealing, size_t size, bool last)
{
    static unsigned char chunk[AGE_CHUNK_SIZE];
    static unsigned char sealed[AGE_CHUNK_SIZE + AGE_TAG_SIZE];
    struct error error = {0};
    memset(chunk, (int)sealing->chunks + 1, size);
    age_stream_seal(&sealing->stream, sealed, chunk, size, last);
    fuzz_must(buffer_append(&sealing->plain, chunk, size, &error) == STATUS_OK &&
              buffer_append(&sealing->file, sealed, size + AGE_TAG_SIZE, &error) == STATUS_OK);
    bool empty_end = size == 0 && sealing->chunks > 0;
    sealing->valid =
        sealing->valid && !sealing->ended && !empty_end && (last || size == AGE_CHUNK_SIZE);
    sealing->more = sealing->more || sealing->ended;
    sealing->ended = last;
    sealing->chunks++;
}

static void open_again(const struct sealing *sealing, bool valid)
{
    struct error error = {0};
    struct buffer opened = {0};
    enum status status = age_open_buffer(&opened, sealing->file.data, sealing->file.size,
                                         fuzz_identity(), 1, sealing->plain.size, &error);
    fuzz_must((status == STATUS_OK) == valid);
    if (valid) {
        fuzz_must(opened.size == sealing->plain.size &&
                  (opened.size == 0 || memcmp(opened.data, sealing->plain.data, opened.size) == 0));
    }
    buffer_free(&opened);
}

static void read_again(const struct sealing *sealing, bool valid)
{
    static unsigned char piece[50021];
    struct error error = {0};
    struct age_reader *reader = NULL;
    struct fuzz_bytes bytes = {sealing->file.data, sealing->file.size};
    size_t at = 0;
    size_t got = 1;
    enum status status =
        age_reader_open(&reader, fuzz_supply(&bytes), fuzz_identity(), 1, NULL, &error);
    while (status == STATUS_OK && got > 0) {
        status = age_reader_read(reader, piece, sizeof piece, &got, &error);
        if (status == STATUS_OK && got > 0) {
            fuzz_must(at + got <= sealing->plain.size &&
                      memcmp(sealing->plain.data + at, piece, got) == 0);
            at += got;
        }
    }
    fuzz_must((status == STATUS_OK) == valid && (!valid || at == sealing->plain.size));
    age_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t sizes[] = {0, 1, 16, 63, 65520, 65535, AGE_CHUNK_SIZE};
    struct error error = {0};
    struct sealing sealing = {0};
    if (size == 0) {
        return 0;
    }
    fuzz_start();
    start(&sealing);
    for (size_t i = 1; i + 1 < size && sealing.chunks < CHUNKS; i += 2) {
        add_chunk(&sealing, sizes[data[i] % LENGTH(sizes)], (data[i + 1] & 1) != 0);
    }
    bool valid = sealing.valid && sealing.ended && data[0] == 0;
    if (data[0] < 128) {
        sealing.file.size -= data[0] < sealing.file.size ? data[0] : sealing.file.size;
    } else {
        fuzz_must(buffer_append(&sealing.file, data, data[0] - 127u < size ? data[0] - 127u : size,
                                &error) == STATUS_OK);
    }
    /* Cut just behind a last chunk it is a whole file again. */
    if (!sealing.more || data[0] == 0 || data[0] >= 128) {
        open_again(&sealing, valid);
        read_again(&sealing, valid);
    }
    age_stream_free(&sealing.stream);
    buffer_free(&sealing.file);
    buffer_free(&sealing.plain);
    return 0;
}
