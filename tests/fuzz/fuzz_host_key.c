// room: keys
/* Any bytes as a host key's file: there is one form of each key, so what is read is written to the
 * same bytes. */
#include "fuzz.h"
#include "kura/keys.h"

static char folder[] = "/tmp/fuzz-host-key-XXXXXX";

static void remove_folder(void)
{
    rmdir(folder);
}

static void write_again(const struct host_key *key, const uint8_t *data, size_t size)
{
    static bool made;
    struct error error = {0};
    struct buffer again = {0};
    char path[64];
    if (!made) {
        fuzz_must(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
        made = true;
    }
    snprintf(path, sizeof path, "%s/key", folder);
    fuzz_must(host_key_write(path, key, &error) == STATUS_OK &&
              file_read(&again, path, 4096, &error) == STATUS_OK && again.size == size &&
              memcmp(again.data, data, size) == 0);
    unlink(path);
    buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct host_key key = {0};
    fuzz_start();
    if (host_key_read(&key, fuzz_file(data, size), &error) == STATUS_OK) {
        fuzz_must(key.secret != NULL && key.signing.seed != NULL);
        write_again(&key, data, size);
    } else {
        fuzz_must(key.secret == NULL && error.message[0] != '\0');
    }
    host_key_free(&key);
    return 0;
}
