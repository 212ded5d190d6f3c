/* store_sftp: what the files of the SFTP driver share. */
#ifndef STORE_STORE_SFTP_H
#define STORE_STORE_SFTP_H

#include "sftp_session.h"
#include "store_private.h"

#define SFTP_PATH_LIMIT 2304 /* the store's folder, a name, and a temporary suffix */

/* How objects get their names on this server. */
enum sftp_publishing {
    SFTP_PUBLISH_UNDECIDED,
    SFTP_PUBLISH_RENAME, /* written beside, then renamed */
    SFTP_PUBLISH_DIRECT, /* made under the final name: write-once storage */
};

struct store_sftp {
    struct sftp_config *config;
    struct sftp_session *session; /* NULL: not connected */
    enum sftp_publishing publishing;
    bool cannot_sync;
    /* The object read last stays open, for the next range of it. */
    LIBSSH2_SFTP_HANDLE *reading;
    char reading_name[STORE_NAME_LIMIT + 1];
    double round_trip;
    char *host_key;
};

/* One attempt at an operation over a sound session. STATUS_UNREACHABLE means that the session broke
 * and that another attempt makes sense. */
typedef enum status (*sftp_attempt)(struct store_sftp *store, void *request, struct error *error);

/* Attempts, reconnecting with backoff until retry_seconds are over. */
MUST_USE enum status sftp_run(struct store_sftp *store, sftp_attempt attempt, void *request,
                              struct error *error);

/* The path on the server; returns target. */
char *sftp_path(char target[SFTP_PATH_LIMIT], const struct store_sftp *store, const char *name);

/* Turns an answer into an error: the broken session, or the sentence and the reason. */
enum status sftp_fail(struct store_sftp *store, struct error *error, int answer, const char *format,
                      ...) PRINTF_LIKE(4, 5);
/* The same for an answer that does not say why (SSH_FX_FAILURE): a full disk is asked for. */
enum status sftp_fail_writing(struct store_sftp *store, const char *name, size_t size, int answer,
                              struct error *error);

void sftp_stop_reading(struct store_sftp *store);
void sftp_disconnect(struct store_sftp *store);

/* store_sftp_put.c, store_sftp_list.c: members of the driver */
enum status store_sftp_put(void *self, const char *name, const void *data, size_t size,
                           struct error *error);
enum status store_sftp_list(void *self, const char *name, store_visit visit, void *context,
                            struct error *error);

#endif
