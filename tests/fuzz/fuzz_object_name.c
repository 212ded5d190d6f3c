// room: repo
/* Any bytes as a name that a storage lists: what passes for an object's name is the one that kura
 * gives, with nothing behind it but a dot and 32 digits. */
#include "../../src/repo/repo_private.h"
#include "fuzz.h"

static void check(enum object_kind kind, const char *name)
{
    unsigned char id[OBJECT_ID_SIZE];
    char made[OBJECT_NAME_SIZE];
    if (!object_name_parse(id, kind, name)) {
        return;
    }
    size_t size = strlen(name);
    fuzz_must(size < OBJECT_NAME_SIZE &&
              strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789./") == size &&
              strstr(name, "..") == NULL);
    if (sodium_is_zero(id, sizeof id)) {
        return;
    }
    object_name(made, kind, id);
    size_t bare = strlen(made);
    fuzz_must(strncmp(name, made, bare) == 0 &&
              (size == bare || size == bare + 1 + RANDOM_NAME_DIGITS));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *name = strndup((const char *)data, size);
    fuzz_must(name != NULL);
    for (enum object_kind kind = OBJECT_REPOSITORY; kind <= OBJECT_PACK; kind++) {
        check(kind, name);
    }
    free(name);
    return 0;
}
