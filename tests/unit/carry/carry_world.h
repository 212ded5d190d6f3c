/* carry_world: a policy, a host with its audit log, people with keys, and facts of an export that
 * is allowed. A test changes one thing. */
#ifndef TESTS_UNIT_CARRY_WORLD_H
#define TESTS_UNIT_CARRY_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "carry/decide.h"
#include "kura/carry.h"
#include "support/scratch.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The call must succeed; its error is the local `must_error`. */
#define MUST(call)                                                                                 \
    do {                                                                                           \
        if ((call) != STATUS_OK) {                                                                 \
            fail_msg("%s: %s", #call, must_error.message);                                         \
        }                                                                                          \
    } while (0)

/* The command must succeed. */
static inline void shell(const char *format, ...) PRINTF_LIKE(1, 2);
static inline void shell(const char *format, ...)
{
    char command[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    if (system(command) != 0) {
        fail_msg("%s", command);
    }
}

enum world_person { MANAGER, DEPUTY, STAFF, OTHER, PEOPLE };
static const char *const world_ids[PEOPLE] = {"yamada", "suzuki", "sato", "tanaka"};
static const char *const world_roles[PEOPLE] = {"data_manager", "deputy", "staff", "staff"};

struct world {
    char folder[64];
    struct host_key host;
    struct minisign_secret keys[PEOPLE];
    struct age_identity manager;
    struct carry_policy policy;
    struct audit *audit;
};

static inline void world_remove(const char *folder)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

/* The example policy's limits, with keys that are ours. */
static inline char *world_policy_text(const struct world *world)
{
    char *text = NULL;
    size_t size = 0;
    char hex[2 * SIGN_PUBLIC_SIZE + 1], recipient[AGE_RECIPIENT_TEXT_SIZE];
    FILE *stream = open_memstream(&text, &size);
    age_recipient_format(recipient, &world->manager.recipient);
    fprintf(stream,
            "version: 3\nvalid_from: 2026-01-01\nshop: 山田自動車\ncontact: 03-0000-0000\n"
            "clock_tolerance: 5m\nanchor_age: 36h\n"
            "limits: {absolute_ceiling: 300, max_persons_per_carry: 50,\n"
            "  max_persons_outstanding: 60, max_persons_outstanding_shop: 100, rolling_days: 7,\n"
            "  max_persons_rolling_bearer: 80, max_persons_rolling_shop: 120,\n"
            "  max_documents_per_carry: 10}\n"
            "approval: {approvers: 1, second_above: 20, token_lifetime: 24h, carry_days: 7,\n"
            "  overdue_grace_days: 1}\npeople:\n");
    for (size_t i = 0; i < PEOPLE; i++) {
        char key[MINISIGN_PUBLIC_TEXT_SIZE];
        minisign_public_format(key, &world->keys[i].public_key);
        fprintf(stream, "  - {id: %s, name: %s, roles: [%s], key: \"%s\", recipient: %s}\n",
                world_ids[i], world_ids[i], world_roles[i], key, recipient);
    }
    fprintf(stream, "hosts: [{name: office, key: \"%s\"}]\n",
            hex_encode(hex, world->host.signing.public_key, SIGN_PUBLIC_SIZE));
    fprintf(stream,
            "purposes: [出張点検, 車検の代行]\n"
            "destinations: [{name: laptop, recipients: [%s]}]\n"
            "field_classes: [{name: opaque}, {name: name}, {name: sensitive, sensitive: true}]\n"
            "data_sets:\n"
            "  - name: visits\n    source: customers\n    sql: SELECT id, name FROM customers\n"
            "    persons: [{column: id, domain: customer}]\n"
            "    fields: [{column: id, class: opaque}, {column: name, class: name}]\n"
            "media:\n  - {id: M-001, fingerprint: \"%064d\"}\n  - {id: M-002, fingerprint: "
            "\"%063d1\", status: retired}\n",
            recipient, 0, 0);
    fclose(stream);
    return text;
}

static inline void world_sign_policy(struct world *world, const char *text)
{
    CLEANUP(buffer_free) struct buffer signature = {0};
    struct error must_error = {0};
    MUST(minisign_sign(&signature, &world->keys[MANAGER], text, strlen(text), "t", &must_error));
    if (carry_policy_verify(&world->policy, text, strlen(text), signature.data, signature.size,
                            &world->keys[MANAGER].public_key, &must_error) != STATUS_OK) {
        fail_msg("%s", must_error.message);
    }
}

static inline void world_open_audit(struct world *world)
{
    struct error must_error = {0};
    const struct audit_options options = {.folder = world->folder,
                                          .origin = "kura/test",
                                          .public_key = world->host.signing.public_key,
                                          .signing = &world->host.signing};
    if (audit_open(&world->audit, &options, &must_error) != STATUS_OK) {
        fail_msg("%s", must_error.message);
    }
}

static inline void world_make(struct world *world)
{
    struct error must_error = {0};
    *world = (struct world){0};
    assert_int_equal(scratch_make(world->folder, sizeof world->folder), 0);
    MUST(signing_key_generate(&world->host.signing, &must_error));
    world->host.secret = secret_new(REPOSITORY_SECRET_SIZE);
    randombytes_buf(world->host.secret, REPOSITORY_SECRET_SIZE);
    MUST(age_identity_generate(&world->manager, &must_error));
    for (size_t i = 0; i < PEOPLE; i++) {
        MUST(minisign_generate(&world->keys[i], &must_error));
    }
    CLEANUP(memory_free) char *text = world_policy_text(world);
    world_sign_policy(world, text);
    world_open_audit(world);
}

static inline void world_free(struct world *world)
{
    audit_free(world->audit);
    carry_policy_free(&world->policy);
    for (size_t i = 0; i < PEOPLE; i++) {
        minisign_secret_free(&world->keys[i]);
    }
    age_identity_free(&world->manager);
    host_key_free(&world->host);
    world_remove(world->folder);
}

static inline void world_record(struct world *world, const char *event, json_t *facts)
{
    struct error must_error = {0};
    assert_non_null(facts);
    if (audit_append(world->audit, event, facts, &must_error) != STATUS_OK) {
        fail_msg("%s", must_error.message);
    }
    json_decref(facts);
}

/* A carry in the log, asked for by `by`. */
static inline void world_request(struct world *world, const char *carry, const char *by,
                                 const char *medium, uint64_t persons, const char *due)
{
    char digest[2 * DIGEST_SIZE + 1];
    unsigned char bytes[DIGEST_SIZE] = {7};
    hex_encode(digest, bytes, sizeof bytes);
    world_record(
        world, "carry.request",
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:s,s:s,s:s,s:[s,s],s:[s]}",
                  "carry", carry, "by", by, "data_set", "visits", "purpose", "出張点検",
                  "destination", "laptop", "medium", medium, "format", "tar", "persons",
                  (json_int_t)persons, "rows", (json_int_t)persons, "documents", (json_int_t)0,
                  "artefact_size", (json_int_t)1000, "artefact", digest, "request", digest, "due",
                  due, "fields", "id:opaque", "name:name", "recipients", "age1x"));
}

#endif
