/* persons: a set of natural persons by their pseudonyms, see keys.h. */
#include "kura/keys.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_LEAST 64
#define UNITED_AT_ONCE ((size_t)65536)

void persons_free(struct persons *persons)
{
    free(persons->ids);
    secret_free(persons->subkey);
    *persons = (struct persons){0};
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, PERSON_SIZE);
}

bool persons_settled(const struct persons *persons)
{
    for (size_t i = 1; i < persons->count; i++) {
        if (compare(persons->ids[i - 1], persons->ids[i]) >= 0) {
            return false;
        }
    }
    return true;
}

void persons_settle(struct persons *persons)
{
    size_t kept = 0;
    if (persons_settled(persons)) {
        return;
    }
    qsort(persons->ids, persons->count, PERSON_SIZE, compare);
    for (size_t i = 0; i < persons->count; i++) {
        if (kept == 0 || compare(persons->ids[kept - 1], persons->ids[i]) != 0) {
            memmove(persons->ids[kept++], persons->ids[i], PERSON_SIZE);
        }
    }
    persons->count = kept;
}

/* A table of visits names each customer many times: duplicates are dropped before memory grows.
 * Never for more than PERSONS_LIMIT, so there are never more. */
static enum status reserve(struct persons *persons, size_t more, struct error *error)
{
    if (more <= persons->capacity - persons->count) {
        return STATUS_OK;
    }
    persons_settle(persons);
    if (more > PERSONS_LIMIT - persons->count) {
        return error_set(error, STATUS_UNSUPPORTED, 0, _("there are more than %zu persons"),
                         PERSONS_LIMIT);
    }
    size_t wanted = persons->count + more;
    if (wanted <= persons->capacity / 2 || persons->capacity == PERSONS_LIMIT) {
        return STATUS_OK;
    }
    size_t capacity = 2 * wanted > CAPACITY_LEAST ? 2 * wanted : CAPACITY_LEAST;
    capacity = capacity < PERSONS_LIMIT ? capacity : PERSONS_LIMIT;
    void *ids = reallocarray(persons->ids, capacity, PERSON_SIZE);
    if (ids == NULL) {
        return error_set_memory(error);
    }
    persons->ids = ids;
    persons->capacity = capacity;
    return STATUS_OK;
}

enum status persons_add(struct persons *persons, const unsigned char secret[REPOSITORY_SECRET_SIZE],
                        const char *domain, const void *value, size_t size, struct error *error)
{
    enum status status = reserve(persons, 1, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (persons->subkey == NULL) {
        persons->subkey = secret_new(SUBKEY_SIZE);
        person_subkey(persons->subkey, secret);
    }
    person_pseudonym_keyed(persons->ids[persons->count++], persons->subkey, domain, value, size);
    return STATUS_OK;
}

enum status persons_append(struct persons *persons, const void *ids, size_t count,
                           struct error *error)
{
    enum status status = reserve(persons, count, error);
    if (status != STATUS_OK || count == 0) {
        return status;
    }
    memcpy(persons->ids[persons->count], ids, count * PERSON_SIZE);
    persons->count += count;
    return STATUS_OK;
}

/* A piece at a time, so that who is in both does not count twice against the limit. */
enum status persons_unite(struct persons *all, const struct persons *more, struct error *error)
{
    for (size_t done = 0; done < more->count;) {
        size_t part = more->count - done < UNITED_AT_ONCE ? more->count - done : UNITED_AT_ONCE;
        enum status status = persons_append(all, more->ids[done], part, error);
        if (status != STATUS_OK) {
            return status;
        }
        done += part;
    }
    all->unlinked += more->unlinked;
    persons_settle(all);
    return STATUS_OK;
}

uint64_t persons_count(const struct persons *persons)
{
    return persons->count + persons->unlinked;
}

bool persons_has(const struct persons *persons, const unsigned char pseudonym[PERSON_SIZE])
{
    return persons->count > 0 &&
           bsearch(pseudonym, persons->ids, persons->count, PERSON_SIZE, compare) != NULL;
}

void persons_digest(unsigned char digest[PERSONS_DIGEST_SIZE], const struct persons *persons)
{
    crypto_generichash(digest, PERSONS_DIGEST_SIZE, (const unsigned char *)persons->ids,
                       persons->count * PERSON_SIZE, NULL, 0);
}
