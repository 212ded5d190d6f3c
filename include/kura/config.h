/* config: the configuration file, kura.yaml. */
#ifndef KURA_CONFIG_H
#define KURA_CONFIG_H

#include "kura/base.h"

#define CONFIG_DEFAULT_PATH "/etc/kura/kura.yaml"
#define CONFIG_DEFAULT_STATE "/var/lib/kura"
#define CONFIG_SIZE_LIMIT ((size_t)1024 * 1024)

enum source_kind { SOURCE_SQLITE, SOURCE_TREE, SOURCE_COMMAND, SOURCE_POSTGRES };

/* All paths are absolute after reading: relative ones were taken from the file's folder. */
struct config_store {
    char *name;
    char *url;            /* sftp://… or a folder's absolute path */
    char *identity_file;  /* or NULL */
    char *known_hosts;    /* or NULL */
    char *ssh_config;     /* or NULL */
    unsigned connections; /* 0: default */
    unsigned timeout;     /* seconds that the server may be silent; 0: default */
};

/* Who is counted as a person in a database: each distinct value of the only column of `sql` is one
 * person of `domain` ("customer"); a row without a value is one person of its own. */
struct config_person {
    char *domain;
    char *sql; /* one statement that only reads */
};

#define CONFIG_DEFAULT_LOCK_TIMEOUT 60 /* seconds */
#define CONFIG_DEFAULT_SILENCE 3600    /* seconds */
#define CONFIG_DEFAULT_REMNANT_DAYS 7
struct config_postgres {
    char *connection; /* libpq's connection string or URI; without a password */
    char *pg_dump;    /* the program, or NULL: the one in PATH; pg_dumpall lies beside it */
    bool large_objects;
    bool globals;          /* roles and tablespaces of the whole server, too */
    unsigned lock_timeout; /* seconds to wait for a table that another session keeps locked */
    unsigned remnant_days; /* so long what is deleted may stay in chunks of which parts are used */
};

/* Kura's own folders, of which a tree leaves out what would feed on itself. Not in the file:
 * whoever runs a source says it. Borrowed. */
struct config_own {
    const char *repository; /* everything in it; NULL: not on this machine */
    const char *state;      /* what `remade` says of the names in it; NULL: there is none */
    bool (*remade)(const char *name);
};

struct config_source {
    char *name; /* [A-Za-z0-9._-], at most 64 bytes, no leading dot; unique */
    enum source_kind kind;
    char *path;            /* sqlite, tree */
    char **command;        /* command: words, NULL-terminated */
    unsigned timeout;      /* command: seconds that it may be silent */
    char **exclude;        /* tree: patterns, NULL-terminated, or NULL */
    bool one_file_system;  /* tree */
    struct config_own own; /* tree */
    struct config_postgres postgres;
    struct config_person *persons; /* databases: who is counted; or none */
    size_t person_count;
};

/* Sources that are taken as of one moment, as nearly as they allow. */
struct config_together {
    char **sources; /* names, NULL-terminated; NULL: there is no such group */
    char **before;  /* words of a command, NULL-terminated, or NULL */
    char **after;
    unsigned timeout; /* seconds that each command may take; default 60 */
};

/* How a person of the domain is erased from what a source brings back. */
struct config_erasure {
    char *domain;
    char *source;
    char **sql;   /* for a database: statements with the parameter :id, NULL-terminated */
    char **paths; /* for a tree: patterns of paths with {id}, NULL-terminated */
};

struct config_retention { /* how many to keep; 0: not said */
    unsigned daily, weekly, monthly, yearly;
};

struct config {
    char *path; /* of the file itself */
    char *host_key;
    char *state;
    char **recipients;    /* files, NULL-terminated */
    char *trusted_key;    /* recovery signing key in hex, or NULL: the one in the host key */
    int compression;      /* zstd level, 1..19; default 3 */
    uint64_t spool_limit; /* bytes; default 8 GiB */
    unsigned due_hours;   /* the next backup is due after so many hours; default 26 */
    struct config_store *stores;
    size_t store_count;
    struct config_source *sources;
    size_t source_count;
    struct config_together together;
    struct config_erasure *erasures;
    size_t erasure_count;
    struct config_retention retention;
    char *policy; /* file of the signed policy for carries, or NULL: none on this machine */
    char *gate;   /* socket of the gate service, or NULL: the gate runs in the program itself */
};

/* Reads and checks the file. An unknown or mistyped key, a missing one, a duplicate source name,
 * two kinds in one source: STATUS_USAGE, with line and key in the message. */
MUST_USE enum status config_read(struct config *config, const char *path, struct error *error);
void config_free(struct config *config);
const struct config_source *config_find_source(const struct config *config, const char *name);
bool config_is_database(const struct config_source *source);
/* Nobody is counted as a person in any source. */
void config_forget_persons(struct config *config);

#endif
