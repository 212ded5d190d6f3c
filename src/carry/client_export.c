/* client_export: the bearer's part in exporting: the medium's folder, the receipt, and the files'
 * names. Anything that fails after the gate's reservation leaves the carry interrupted. */
#include "client_private.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct carrying_out {
    struct carry_client *client;
    const struct carry_export_options *options;
    char carry[CARRY_ID_SIZE];
    char file[64];
    char partial[80];
    unsigned char challenge[DIGEST_SIZE];
    int target; /* of the partial file; -1: none was made */
    bool published;
};

static void carrying_end(struct carrying_out *carrying)
{
    if (carrying->target >= 0 && !carrying->published) {
        unlinkat(carrying->options->folder, carrying->partial, 0);
    }
    file_close(&carrying->target);
}

static enum status ask_for_challenge(struct carrying_out *carrying, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message answer = {.fds = {-1, -1}};
    CLEANUP(memory_free) char *label = NULL;
    json_t *approvals = json_array();
    for (size_t i = 0; i < carrying->options->approval_count; i++) {
        const struct buffer *token = &carrying->options->approvals[i];
        json_array_append_new(approvals, json_stringn((const char *)token->data, token->size));
    }
    enum status status = client_read_label(&label, carrying->options->folder, error);
    if (status != STATUS_OK) {
        json_decref(approvals);
        return status;
    }
    status = client_ask(
        &answer, carrying->client,
        json_pack("{s:s,s:o,s:s*}", "step", "export", "approvals", approvals, "label", label),
        carrying->options->folder, error);
    if (status != STATUS_OK) {
        return status;
    }
    const char *carry = gate_text(answer.json, "carry", CARRY_ID_SIZE - 1);
    const char *file = gate_text(answer.json, "file", sizeof carrying->file - 1);
    const char *challenge = gate_text(answer.json, "challenge", (size_t)2 * DIGEST_SIZE);
    if (carry == NULL || file == NULL || challenge == NULL ||
        !hex_decode(carrying->challenge, DIGEST_SIZE, challenge, strlen(challenge))) {
        return client_malformed(error);
    }
    snprintf(carrying->carry, sizeof carrying->carry, "%s", carry);
    snprintf(carrying->file, sizeof carrying->file, "%s", file);
    snprintf(carrying->partial, sizeof carrying->partial, ".%s.partial", file);
    return client_check_name(carrying->file, error);
}

static enum status make_target(struct carrying_out *carrying, struct error *error)
{
    struct open_how how = {.flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                           .mode = 0644,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
    /* Left over from an export that was cut off: never a finished container. */
    unlinkat(carrying->options->folder, carrying->partial, 0);
    carrying->target =
        (int)syscall(SYS_openat2, carrying->options->folder, carrying->partial, &how, sizeof how);
    if (carrying->target < 0) {
        return error_set_errno(error, errno, "%s", _("cannot make a file on the medium"));
    }
    client_show_file(carrying->target);
    return STATUS_OK;
}

/* Whose receipt: the bearer's id as the token's own claims have it; the gate compares. */
static enum status sign_receipt(struct buffer *token, const struct carrying_out *carrying,
                                struct error *error)
{
    struct carry_receipt receipt = {.issued = {.seconds = moment_now().seconds}};
    const struct buffer *approval = &carrying->options->approvals[0];
    memcpy(receipt.carry, carrying->carry, sizeof receipt.carry);
    memcpy(receipt.challenge, carrying->challenge, DIGEST_SIZE);
    enum status status = carry_approval_peek(receipt.bearer, receipt.approval, approval, error);
    return status == STATUS_OK
               ? carry_receipt_sign(token, &receipt, &carrying->options->key->signing, error)
               : status;
}

static enum status publish(struct carrying_out *carrying, const json_t *papers, struct error *error)
{
    const int folder = carrying->options->folder;
    const char *label = gate_text(papers, "label", LABEL_SIZE_LIMIT);
    const char *notice = gate_text(papers, "notice", 65536);
    char name[64];
    if (label == NULL || notice == NULL) {
        return client_malformed(error);
    }
    snprintf(name, sizeof name, "kura-%s-READ-ME.txt", carrying->carry);
    enum status status = client_write_file(folder, name, notice, strlen(notice), error);
    if (status == STATUS_OK) {
        status = client_write_file(folder, LABEL_FILE, label, strlen(label), error);
    }
    if (status == STATUS_OK &&
        (renameat(folder, carrying->partial, folder, carrying->file) != 0 || fsync(folder) != 0)) {
        status = error_set_errno(error, errno, _("cannot write %s on the medium"), carrying->file);
    }
    carrying->published = status == STATUS_OK;
    return status;
}

static enum status take_result(struct carry_exported *exported, const json_t *answer,
                               struct error *error)
{
    const char *carry = gate_text(answer, "carry", CARRY_ID_SIZE - 1);
    const char *file = gate_text(answer, "file", sizeof exported->file - 1);
    const char *due = gate_text(answer, "due", MOMENT_TEXT_SIZE);
    const char *sealed = gate_text(answer, "sealed_passphrase", 65536);
    if (carry == NULL || file == NULL || due == NULL || !moment_parse(&exported->due, due)) {
        return client_malformed(error);
    }
    snprintf(exported->carry, sizeof exported->carry, "%s", carry);
    snprintf(exported->file, sizeof exported->file, "%s", file);
    exported->persons = (uint64_t)json_integer_value(json_object_get(answer, "persons"));
    return sealed == NULL ? STATUS_OK
                          : buffer_append_text(&exported->sealed_passphrase, sealed, error);
}

enum status carry_client_export(struct carry_exported *exported, struct carry_client *client,
                                const struct carry_export_options *options, struct error *error)
{
    *exported = (struct carry_exported){0};
    CLEANUP(gate_message_free) struct gate_message papers = {.fds = {-1, -1}};
    CLEANUP(gate_message_free) struct gate_message done = {.fds = {-1, -1}};
    CLEANUP(buffer_free) struct buffer receipt = {0};
    CLEANUP(carrying_end)
    struct carrying_out carrying = {.client = client, .options = options, .target = -1};
    enum status status = ask_for_challenge(&carrying, error);
    if (status == STATUS_OK) {
        status = make_target(&carrying, error);
    }
    if (status == STATUS_OK) {
        status = sign_receipt(&receipt, &carrying, error);
    }
    if (status == STATUS_OK) {
        status = client_ask(&papers, client,
                            json_pack("{s:s,s:s%}", "step", "receipt", "receipt",
                                      (const char *)receipt.data, receipt.size),
                            carrying.target, error);
    }
    if (status == STATUS_OK && publish(&carrying, papers.json, error) != STATUS_OK) {
        return error_set_hint(error, "%s",
                              _("The carry counts in full until the medium is returned with kura "
                                "carry return. Ask for a new one."));
    }
    if (status == STATUS_OK) {
        status = client_ask(&done, client, json_pack("{s:s}", "step", "renamed"), -1, error);
    }
    return status == STATUS_OK ? take_result(exported, done.json, error) : status;
}
