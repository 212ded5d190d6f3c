/* client_medium: enrolling and labelling a medium, and bringing one back. */
#include "client_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum status write_label(const json_t *answer, int folder, struct error *error)
{
    const char *label = gate_text(answer, "label", LABEL_SIZE_LIMIT);
    return label == NULL ? client_malformed(error)
                         : client_write_file(folder, LABEL_FILE, label, strlen(label), error);
}

static void take_word(char *target, size_t size, const json_t *json, const char *name)
{
    const char *text = gate_text(json, name, size - 1);
    snprintf(target, size, "%s", text == NULL ? "" : text);
}

static void take_identity(struct carry_enrolled *enrolled, const json_t *answer)
{
    const json_t *json = json_object_get(answer, "identity");
    struct medium_identity *identity = &enrolled->identity;
    take_word(enrolled->fingerprint, sizeof enrolled->fingerprint, answer, "fingerprint");
    take_word(identity->usb_vendor, sizeof identity->usb_vendor, json, "usb_vendor");
    take_word(identity->usb_product, sizeof identity->usb_product, json, "usb_product");
    take_word(identity->serial, sizeof identity->serial, json, "serial");
    take_word(identity->fs_type, sizeof identity->fs_type, json, "fs_type");
    take_word(identity->fs_uuid, sizeof identity->fs_uuid, json, "fs_uuid");
    identity->size = (uint64_t)json_integer_value(json_object_get(json, "size"));
}

enum status carry_client_enrol(struct carry_enrolled *enrolled, struct carry_client *client,
                               const char *id, int folder, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message label = {.fds = {-1, -1}};
    CLEANUP(gate_message_free) struct gate_message done = {.fds = {-1, -1}};
    *enrolled = (struct carry_enrolled){0};
    enum status status = client_ask(
        &label, client, json_pack("{s:s,s:s}", "step", "enrol", "id", id), folder, error);
    if (status == STATUS_OK) {
        status = write_label(label.json, folder, error);
    }
    if (status == STATUS_OK) {
        status = client_ask(&done, client, json_pack("{s:s}", "step", "labelled"), -1, error);
    }
    if (status == STATUS_OK) {
        take_identity(enrolled, label.json);
    }
    return status;
}

enum status carry_client_retire(struct carry_client *client, const char *id, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message answer = {.fds = {-1, -1}};
    return client_ask(&answer, client, json_pack("{s:s,s:s}", "step", "retire", "id", id), -1,
                      error);
}

/* ------------------------------------------------------------------ return */

static enum status sign_return(struct buffer *token, const struct carry_back *back,
                               struct error *error)
{
    struct carry_word word = {.kind = WORD_RETURN, .issued = {.seconds = moment_now().seconds}};
    CLEANUP(memory_free) char *note = back->note == NULL ? NULL : strdup(back->note);
    word.note = note;
    snprintf(word.carry, sizeof word.carry, "%s", back->carry);
    snprintf(word.person, sizeof word.person, "%s", back->person);
    return carry_word_sign(token, &word, &back->confirmer->signing, error);
}

static enum status erase(const json_t *answer, const struct carry_back *back, struct error *error)
{
    const char *name = gate_text(answer, "erase", 64);
    char beside[80];
    enum status status = client_check_name(name, error);
    if (status == STATUS_OK) {
        status = client_erase_file(back->folder, name, error);
    }
    /* What an interrupted export left, and the notice for the finder. */
    if (status == STATUS_OK) {
        snprintf(beside, sizeof beside, ".%s.partial", name);
        status = client_erase_file(back->folder, beside, error);
    }
    if (status == STATUS_OK) {
        snprintf(beside, sizeof beside, "kura-%s-READ-ME.txt", back->carry);
        status = client_erase_file(back->folder, beside, error);
    }
    return status;
}

/* The medium is at hand: erase, then take the new label. */
static enum status go_on(struct gate_message *done, struct carry_client *client,
                         const json_t *answer, const struct carry_back *back, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message label = {.fds = {-1, -1}};
    enum status status = erase(answer, back, error);
    if (status == STATUS_OK) {
        status = client_ask(&label, client, json_pack("{s:s}", "step", "erased"), -1, error);
    }
    if (status == STATUS_OK) {
        status = write_label(label.json, back->folder, error);
    }
    return status == STATUS_OK
               ? client_ask(done, client, json_pack("{s:s}", "step", "labelled"), -1, error)
               : status;
}

enum status carry_client_return(json_t **facts, struct carry_client *client,
                                const struct carry_back *back, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message answer = {.fds = {-1, -1}};
    CLEANUP(gate_message_free) struct gate_message done = {.fds = {-1, -1}};
    CLEANUP(buffer_free) struct buffer word = {0};
    CLEANUP(memory_free) char *label = NULL;
    enum status status = sign_return(&word, back, error);
    if (status == STATUS_OK && back->folder >= 0) {
        status = client_read_label(&label, back->folder, error);
    }
    if (status == STATUS_OK) {
        status = client_ask(&answer, client,
                            json_pack("{s:s,s:s%,s:s*}", "step", "return", "word",
                                      (const char *)word.data, word.size, "label", label),
                            back->folder, error);
    }
    if (status == STATUS_OK && back->folder >= 0) {
        status = go_on(&done, client, answer.json, back, error);
    }
    if (status == STATUS_OK) {
        *facts = json_incref(back->folder >= 0 ? done.json : answer.json);
    }
    return status;
}
