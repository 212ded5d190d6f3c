/* gate, private: one connection on the host's side, and the steps that it can ask for. */
#ifndef KURA_CARRY_GATE_PRIVATE_H
#define KURA_CARRY_GATE_PRIVATE_H

#include "decide.h"
#include "gate_message.h"
#include "label.h"
#include "stage.h"

#define GATE_CONTAINER_NAME 64
#define GATE_LISTING_LIMIT 64

struct gate {
    int connection;
    const struct gate_host *host;
    uid_t caller_uid;
    bool trusted; /* root or the service account itself: whoever it is, the key tells */

    /* While a step is under way: */
    int lock;
    struct audit *audit;    /* NULL while the gate waits or writes: see gate_log_close */
    struct audit_head seen; /* of the log when it was closed last; what is opened must extend it */
    bool has_policy;
    struct error policy_problem; /* why there is none */
    struct carry_policy policy;  /* zeroed without one */
    struct carry_ledger ledger;
    const struct policy_person *caller; /* by the system user; NULL: trusted, or nobody */
    char login[64];                     /* of who calls */
};

/* What a step cannot do without. */
enum gate_need {
    NEED_POLICY,  /* that can be used, and whoever calls is in it, or trusted */
    NEED_CALLER,  /* the same, but for who is trusted: they need no policy */
    NEED_NOTHING, /* without a policy anybody who reaches the gate: the step looks itself */
};

/* Reads the ledger again, after records were added. */
MUST_USE enum status gate_refresh(struct gate *gate, struct error *error);

/* The log is open, and nobody else can append, when a step begins. While the gate waits for its
 * client, for the storage, for the database or for the medium, it is closed, so that a backup need
 * not wait. Carries stay as they are meanwhile: only who has the gate's lock records any. */
MUST_USE enum status gate_log_open(struct gate *gate, struct error *error);
void gate_log_close(struct gate *gate);

/* Adds a record; the facts' reference is taken, also after an error. */
MUST_USE enum status gate_record(struct gate *gate, const char *event, json_t *facts,
                                 struct error *error);
/* Records a refusal with its rule and reason; `carry` and `person` may be NULL. */
void gate_record_refusal(struct gate *gate, const struct error *refusal, const char *carry,
                         const char *person);

/* The person whose key this is (a public key line), who must be the caller. */
MUST_USE enum status gate_find_bearer(const struct policy_person **person, const struct gate *gate,
                                      const char *key, struct error *error);
/* Only the data manager, a deputy, or the service itself. */
MUST_USE enum status gate_need_manager(const struct gate *gate, struct error *error);
/* That the person's key has not ended: who has left signs nothing any more. */
MUST_USE enum status gate_need_valid(const struct gate *gate, const char *person,
                                     struct error *error);
/* Who did it, for the log: the caller's id, or "-" for the service itself. */
const char *gate_caller_name(const struct gate *gate);

/* STATE/carry/ID[/FILE] */
MUST_USE enum status gate_path(char **path, const struct gate *gate, const char *carry,
                               const char *file, struct error *error);
/* Of the carry's container on the medium. */
void gate_container_name(char name[GATE_CONTAINER_NAME], const char *carry, const char *format);
/* What this host swore when the carry was asked for. */
MUST_USE enum status gate_read_attestation(struct carry_attestation *attestation,
                                           const struct gate *gate, const char *carry,
                                           struct error *error);
/* Removes what lies beside the log for a carry that the log does not speak of. What cannot be
 * removed now, gate_clear tries again. */
void gate_drop_folder(const struct gate *gate, const char *carry);
/* Removes staged files and pseudonyms that serve nothing any more. Needs the policy. */
void gate_clear(const struct gate *gate);
/* How much of every limit the persons would use together with all earlier carries. */
MUST_USE enum status gate_use(struct carry_use *use, const struct gate *gate, const char *carry,
                              const char *bearer, const struct persons *persons,
                              struct error *error);

/* ------------------------------------------------------------------ the medium */

/* What the gate sees through the folder's descriptor, whoever may enter it. */
struct gate_folder {
    int fd; /* borrowed */
    struct place place;
    char fingerprint[MEDIUM_FINGERPRINT_SIZE]; /* empty: could not be had */
    uint64_t space_free;
    char foreign[GATE_LISTING_LIMIT]; /* the first file that is not ours, printable; empty: none */
};
/* carry: whose files may be there; NULL: none's. */
MUST_USE enum status gate_folder_look(struct gate_folder *folder, int fd, const char *carry,
                                      const struct gate *gate, struct error *error);
/* Whether the folder has a file of this name. */
MUST_USE enum status gate_folder_find(bool *found, int fd, const char *name, struct error *error);

/* ------------------------------------------------------------------ steps */

/* Each answers on the connection itself, but for an error that it returns. */
struct gate_step {
    const char *name;
    enum gate_need need;
    enum status (*run)(struct gate *gate, struct gate_message *message, struct error *error);
};
enum status gate_step_request(struct gate *gate, struct gate_message *message, struct error *error);
enum status gate_step_export(struct gate *gate, struct gate_message *message, struct error *error);
enum status gate_step_return(struct gate *gate, struct gate_message *message, struct error *error);
enum status gate_step_tell(struct gate *gate, struct gate_message *message, struct error *error);
enum status gate_step_list(struct gate *gate, struct gate_message *message, struct error *error);
enum status gate_step_offers(struct gate *gate, struct gate_message *message, struct error *error);
enum status gate_step_enrol(struct gate *gate, struct gate_message *message, struct error *error);
enum status gate_step_retire(struct gate *gate, struct gate_message *message, struct error *error);
enum status gate_step_clock(struct gate *gate, struct gate_message *message, struct error *error);

/* Sends an answer; its reference is taken. */
MUST_USE enum status gate_answer(const struct gate *gate, json_t *answer, struct error *error);
/* The next message of the same step; the log is closed until it is there. */
MUST_USE enum status gate_next(struct gate_message *message, struct gate *gate, const char *step,
                               struct error *error);

#endif
