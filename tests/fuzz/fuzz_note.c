// room: keys
/* Any bytes as a signed note: refused unless signed. Any text under the right signature: what is
 * signed verifies, and its text comes back whole. */
#include "fuzz_keys.h"
#include "kura/signed.h"

#define NAME "kura/fuzz"

static void sign_and_verify(const char *text, const void *more, size_t more_size)
{
    struct error error = {0};
    struct buffer note = {0};
    size_t text_size = 0;
    if (note_sign(&note, text, NAME, fuzz_signer(), &error) == STATUS_OK) {
        fuzz_must(note_verify(&text_size, (char *)note.data, note.size, NAME,
                              fuzz_signer()->public_key, &error) == STATUS_OK &&
                  text_size == strlen(text) && memcmp(note.data, text, text_size) == 0);
        /* With more lines of signatures, or what passes for them. */
        fuzz_must(buffer_append(&note, more, more_size, &error) == STATUS_OK);
        if (note_verify(&text_size, (char *)note.data, note.size, NAME, fuzz_signer()->public_key,
                        &error) == STATUS_OK) {
            fuzz_must(text_size == strlen(text));
        }
    }
    buffer_free(&note);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    size_t text_size = 1;
    fuzz_start();
    fuzz_must(note_verify(&text_size, (const char *)data, size, NAME, fuzz_signer()->public_key,
                          &error) != STATUS_OK &&
              text_size == 0);
    const uint8_t *zero = size == 0 ? NULL : memchr(data, '\0', size);
    size_t front = zero == NULL ? size : (size_t)(zero - data);
    char *text = strndup((const char *)data, front);
    fuzz_must(text != NULL);
    sign_and_verify(text, zero == NULL ? data : zero + 1, zero == NULL ? 0 : size - front - 1);
    free(text);
    return 0;
}
