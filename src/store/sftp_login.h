/* sftp_login: what the files of the login share. */
#ifndef STORE_SFTP_LOGIN_H
#define STORE_SFTP_LOGIN_H

#include "sftp_session.h"

/* What can be said of a private key without its passphrase. */
struct sftp_key {
    char type[48];   /* "ssh-ed25519", …; "" where the container does not say */
    char cipher[48]; /* "none", "aes256-ctr", …; "" where the container does not say */
    bool encrypted;
};

/* Looks at a private key. STATUS_UNSUPPORTED with the way out for a kind that libssh2 cannot use,
 * STATUS_CORRUPT for what is no private key. `name` is for messages. */
MUST_USE enum status sftp_key_inspect(struct sftp_key *key, const struct secret_text *text,
                                      const char *name, struct error *error);
/* The same refusal for a key known by its type alone. */
enum status sftp_key_refuse_type(const char *type, const char *name, struct error *error);

/* An ssh-agent, spoken to with a deadline: libssh2's own client would wait for ever. */
struct sftp_agent {
    int fd;
    double until;
    struct buffer answer;
};

#define SFTP_AGENT_KEYS 5 /* sshd hangs up after six tries */

struct sftp_agent_key {
    const unsigned char *blob; /* within agent->answer */
    size_t size;
};

void sftp_agent_close(struct sftp_agent *agent);
/* Connects and lists at most SFTP_AGENT_KEYS usable keys. *skipped: it has RSA or hardware keys. */
MUST_USE enum status sftp_agent_open(struct sftp_agent *agent,
                                     struct sftp_agent_key keys[SFTP_AGENT_KEYS], size_t *count,
                                     bool *skipped, const char *path, unsigned deadline_seconds,
                                     struct error *error);
/* Signs; the bare signature, malloc'ed. False if the agent refuses or is gone. */
MUST_USE bool sftp_agent_sign(unsigned char **signature, size_t *size, struct sftp_agent *agent,
                              const unsigned char *key, size_t key_size, const unsigned char *data,
                              size_t data_size);

#endif
