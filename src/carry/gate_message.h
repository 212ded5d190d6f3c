/* gate_message: what goes over the socket between the client's half and the gate's:
 *
 *   length (u32, little-endian) | JSON object of so many bytes
 *
 * with at most GATE_DESCRIPTORS open descriptors beside the first byte. Bounded in size and time.
 */
#ifndef KURA_CARRY_GATE_MESSAGE_H
#define KURA_CARRY_GATE_MESSAGE_H

#include "kura/base.h"
#include <jansson.h>

#define GATE_MESSAGE_LIMIT ((size_t)4 * 1024 * 1024)
#define GATE_DESCRIPTORS 2

struct gate_message {
    json_t *json;
    int fds[GATE_DESCRIPTORS]; /* -1: none; owned */
};
void gate_message_free(struct gate_message *message);

/* Sends the object (its reference is taken, also after an error) and copies of the descriptors. */
MUST_USE enum status gate_send(int connection, json_t *json, const int *fds, size_t fd_count,
                               struct error *error);
/* STATUS_NOT_FOUND: the other side closed the connection in between messages. */
MUST_USE enum status gate_receive(struct gate_message *message, int connection,
                                  struct error *error);

/* An answer that says an error, and the error out of such an answer. */
json_t *gate_error_json(const struct error *error);
MUST_USE enum status gate_error_take(const json_t *answer, struct error *error);

/* STATUS_CORRUPT: what came from the client is not as it must be. */
enum status gate_malformed(struct error *error);
/* A text member that must be there, at most `limit` bytes; NULL otherwise. */
const char *gate_text(const json_t *json, const char *name, size_t limit);

#endif
