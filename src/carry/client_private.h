/* carry_client, private: the half of whoever sits there. */
#ifndef KURA_CARRY_CLIENT_PRIVATE_H
#define KURA_CARRY_CLIENT_PRIVATE_H

#include "gate_message.h"
#include "kura/carry.h"
#include "label.h"

struct carry_client {
    int connection;
    bool in_process;
    pthread_t thread;
    int other_end;
    const struct gate_host *host;
};

/* Sends the message (its reference is taken) with the descriptor, unless that is negative, and
 * waits for the answer; an error that the gate answers becomes ours. */
MUST_USE enum status client_ask(struct gate_message *answer, struct carry_client *client,
                                json_t *message, int fd, struct error *error);

/* STATUS_CORRUPT: what the gate answered is not as it must be. */
enum status client_malformed(struct error *error);

/* ------------------------------------------------------------------ files on the medium */

/* What is on a medium is sealed, or meant for its finder: whoever reads it elsewhere has another
 * login. A file system without modes needs none. */
void client_show_file(int fd);
/* Temp → fsync → rename → fsync of the folder, beneath the folder's descriptor. */
MUST_USE enum status client_write_file(int folder, const char *name, const char *text, size_t size,
                                       struct error *error);
/* The label's text; *text is NULL if there is none. */
MUST_USE enum status client_read_label(char **text, int folder, struct error *error);
/* Overwrites the file, removes it, and makes that durable. An absent one is fine. */
MUST_USE enum status client_erase_file(int folder, const char *name, struct error *error);
/* A name of a file on the medium that the gate gave: one of ours, and no path. */
MUST_USE enum status client_check_name(const char *name, struct error *error);

#endif
