/* gate_clock: a record of the log has a time that is still to come: once, the clock was ahead.
 * Until that time comes, every carry is refused as if the clock had been set back. The data manager
 * or a deputy says by signature what time it really is; the clock must agree, and what the log has
 * of later times counts no more. The word answers a challenge, so it is good once: kept, it would
 * let the clock be set back to its time another day. */
#include "gate_private.h"
#include "shared.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static enum status check_needed(const struct gate *gate, struct error *error)
{
    struct error behind = {0};
    return carry_check_clock(&gate->ledger, &gate->policy.policy, moment_now(), &behind) ==
                   STATUS_OK
               ? error_set(error, STATUS_REFUSED, 0, "[clock] %s",
                           _("the clock is not behind the audit log: there is nothing to accept"))
               : STATUS_OK;
}

static enum status check_word(const struct carry_word *word, const char *challenge,
                              const struct gate *gate, struct error *error)
{
    const struct policy *policy = &gate->policy.policy;
    const int64_t off = moment_now().seconds - word->issued.seconds;
    if (word->kind != WORD_CLOCK || strcmp(word->approval, challenge) != 0) {
        return carry_refuse(error, "word", _("the signed word is for something else"));
    }
    if (!policy_may_approve(policy_find_person(policy, word->person))) {
        return carry_refuse(error, "role", _("this is for the data manager or a deputy"));
    }
    if (off > (int64_t)policy->clock_tolerance || -off > (int64_t)policy->clock_tolerance) {
        carry_refuse(error, "clock", _("this machine's clock shows another time than was said"));
        return error_set_hint(error, "%s", _("Set the clock right."));
    }
    return gate_need_valid(gate, word->person, error);
}

static enum status accept(struct gate *gate, struct carry_word *word, struct error *error)
{
    CLEANUP(gate_message_free) struct gate_message message = {.fds = {-1, -1}};
    unsigned char random[16];
    char challenge[2 * sizeof random + 1], newest[MOMENT_TEXT_SIZE], said[MOMENT_TEXT_SIZE];
    randombytes_buf(random, sizeof random);
    hex_encode(challenge, random, sizeof random);
    moment_format(newest, gate->ledger.newest);
    enum status status = check_needed(gate, error);
    if (status == STATUS_OK) {
        status = gate_answer(gate, json_pack("{s:s,s:s}", "challenge", challenge, "newest", newest),
                             error);
    }
    if (status == STATUS_OK) {
        status = gate_next(&message, gate, "word", error);
    }
    const char *token = gate_text(message.json, "word", PASETO_SIZE_LIMIT);
    if (status == STATUS_OK) {
        status = token == NULL
                     ? gate_malformed(error)
                     : carry_word_open(word, token, strlen(token), &gate->policy.policy, error);
    }
    if (status == STATUS_OK) {
        status = check_word(word, challenge, gate, error);
    }
    return status == STATUS_OK
               ? gate_record(gate, "clock.accept",
                             json_pack("{s:s,s:s,s:s,s:s*}", "by", word->person, "newest", newest,
                                       "said", moment_format(said, word->issued), "note",
                                       word->note),
                             error)
               : status;
}

enum status gate_step_clock(struct gate *gate, struct gate_message *message, struct error *error)
{
    struct carry_word word = {0};
    (void)message;
    enum status status = accept(gate, &word, error);
    if (status == STATUS_REFUSED) {
        gate_record_refusal(gate, error, NULL, word.person[0] == '\0' ? NULL : word.person);
    }
    carry_word_free(&word);
    return status == STATUS_OK ? gate_answer(gate, json_pack("{s:b}", "recorded", true), error)
                               : status;
}
