/* sftp_config: everything that a connection needs to know before it is made, in memory of its own,
 * so that it can be made again. */
#ifndef STORE_SFTP_CONFIG_H
#define STORE_SFTP_CONFIG_H

#include "kura/store.h"

/* The parts of sftp://[user@]host[:port]/folder. */
struct sftp_address {
    char *user; /* NULL: not said */
    char *host;
    unsigned port; /* 0: not said */
    char *folder;  /* absolute, or relative to the login's own folder */
};

MUST_USE enum status sftp_address_parse(struct sftp_address *address, const char *url,
                                        struct error *error);
void sftp_address_clear(struct sftp_address *address);

#define SFTP_PATHS_LIMIT 16

struct sftp_paths {
    char *path[SFTP_PATHS_LIMIT];
    size_t count;
};

struct sftp_config {
    struct sftp_address address; /* as ssh_config resolves it */
    char *host_name;             /* to look up in known_hosts, lower-case */
    char *jump;                  /* "[user@]host[:port],…", or NULL */
    char *ssh_config;            /* for ssh -F, or NULL */
    char *agent;                 /* socket of the ssh-agent, or NULL */
    struct sftp_paths identities;
    struct sftp_paths known_hosts;
    char *pinned_host_key;         /* or NULL */
    struct secret_text login_key;  /* .text NULL: none */
    struct secret_text passphrase; /* .text NULL: none */
    bool one_identity;             /* said explicitly: nothing else is tried */
    unsigned deadline_seconds;
    unsigned retry_seconds;
    bool (*waiting)(void *context); /* as in struct store_options, or NULL */
    void *waiting_context;
};

/* How often `waiting` is asked. */
#define SFTP_WAITING_SECONDS 0.5
/* Whether to go on trying to connect. */
bool sftp_config_go_on(const struct sftp_config *config);

/* Asks `ssh -G` what the user's ssh_config says of the host, where ssh is installed. */
MUST_USE enum status sftp_config_new(struct sftp_config **config,
                                     const struct store_options *options, struct error *error);
void sftp_config_free(struct sftp_config *config);

#endif
