/* sealer: what is done to one chunk, in this order, so that known content costs a hash only and
 * nothing leaves that is not sealed. */
#include "sealer.h"
#include "compress.h"
#include "seal.h"
#include <sodium.h>
#include <string.h>

enum status sealer_start(struct sealer *sealer, const struct sealing *sealing, struct error *error)
{
    *sealer = (struct sealer){.sealing = sealing};
    return compressor_new(&sealer->compressor, sealing->level, error);
}

void sealer_end(struct sealer *sealer)
{
    compressor_free(sealer->compressor);
    buffer_wipe(&sealer->room);
    buffer_free(&sealer->sealed);
    *sealer = (struct sealer){0};
}

static enum status store(struct sealer *sealer, const struct chunk_result *result, const void *data,
                         const struct dictionary *dictionary, struct error *error)
{
    const struct sealing *sealing = sealer->sealing;
    unsigned char id[CHUNK_ID_SIZE];
    unsigned char context[CHUNK_CONTEXT_SIZE];
    struct form form = {0};
    buffer_clear(&sealer->sealed);
    enum status status = compressor_form(sealer->compressor, &sealer->room, data,
                                         result->reference.size, dictionary, &form, error);
    if (status != STATUS_OK) {
        return status;
    }
    chunk_reference_id(id, &result->reference);
    chunk_context(context, sealing->repository, id);
    const struct seal_part parts[2] = {{&form.tag, 1}, {form.data, form.size}};
    status = seal_parts(&sealer->sealed, result->reference.key, parts,
                        (struct seal_part){context, sizeof context}, error);
    if (status != STATUS_OK) {
        return status;
    }
    return sealing->keeper.store(sealing->keeper.context, result->hash, &result->reference,
                                 sealer->sealed.data, sealer->sealed.size, error);
}

/* A chunk that needs a dictionary is known only to who has the same one: a source that names
 * another could not open it. */
static void recognise_by(unsigned char hash[CHUNK_HASH_SIZE], const unsigned char *key,
                         const void *data, uint32_t size, const struct dictionary *dictionary)
{
    static const unsigned char none[crypto_generichash_blake2b_PERSONALBYTES];
    unsigned char salt[crypto_generichash_blake2b_SALTBYTES] = {0};
    uint32_t id = dictionary == NULL ? 0 : dictionary_id(dictionary);
    memcpy(salt, &id, sizeof id);
    crypto_generichash_blake2b_salt_personal(hash, CHUNK_HASH_SIZE, data, size, key, CHUNK_KEY_SIZE,
                                             salt, none);
}

enum status sealer_run(struct sealer *sealer, struct chunk_result *result, const void *data,
                       uint32_t size, const struct dictionary *dictionary, struct error *error)
{
    const struct sealing *sealing = sealer->sealing;
    recognise_by(result->hash, sealing->hash_key, data, size, dictionary);
    result->known = false;
    enum status status = sealing->keeper.recognise(sealing->keeper.context, result->hash, size,
                                                   &result->reference, &result->known, error);
    if (status != STATUS_OK || result->known) {
        return status;
    }
    result->reference.size = size;
    return store(sealer, result, data, dictionary, error);
}
