/* cli_options: one table of all options; a command says which of them it takes. An option means the
 * same in every command, so it may stand before or after the command's name. */
#ifndef KURA_CLI_OPTIONS_H
#define KURA_CLI_OPTIONS_H

#include "kura/cli.h"

enum cli_option {
    OPTION_END,
    /* taken by every command */
    OPTION_CONFIG,
    OPTION_QUIET,
    OPTION_VERBOSE,
    OPTION_HELP,
    OPTION_VERSION,
    /* taken by those that name them */
    OPTION_JSON,
    OPTION_KIT,
    OPTION_IDENTITY,
    OPTION_PASSPHRASE_FILE,
    OPTION_PASSPHRASE_FD,
    OPTION_CHOOSE_PASSPHRASE,
    OPTION_NEW_PASSPHRASE_FILE,
    OPTION_URL_FOR_KIT,
    OPTION_STORE,
    OPTION_SSH_KEY,
    OPTION_SSH_KEY_PASSPHRASE_FILE,
    OPTION_KNOWN_HOSTS,
    OPTION_RETRY,
    OPTION_ROLE,
    OPTION_KEY,
    OPTION_SIGN,
    OPTION_OUT,
    OPTION_SNAPSHOT,
    OPTION_BEFORE,
    OPTION_SOURCE,
    OPTION_INCLUDE,
    OPTION_TARGET,
    OPTION_OVERWRITE,
    OPTION_EXPECT_HEAD,
    OPTION_UNTRUSTED,
    OPTION_RECURSIVE,
    OPTION_TAR,
    OPTION_READ_DATA,
    OPTION_ACCEPT_LOSSES,
    OPTION_FROM_SEQUENCE,
    OPTION_SINCE,
    OPTION_UNTIL,
    OPTION_EVENT,
    OPTION_CSV,
    OPTION_NO_STORE,
    OPTION_POLICY_KEY,
    OPTION_DATA_SET,
    OPTION_PARAM,
    OPTION_DOCUMENTS,
    OPTION_ZIP,
    OPTION_PURPOSE,
    OPTION_DESTINATION,
    OPTION_MEDIUM,
    OPTION_RETURN_BY,
    OPTION_PERSONS_MAX,
    OPTION_EXPIRES,
    OPTION_ROOT,
    OPTION_YES,
    OPTION_NOTE,
    OPTION_TO,
    OPTION_FROM,
    OPTION_PASSPHRASE_OUT,
    OPTION_DESTROYED,
    OPTION_PATH,
    OPTION_ID,
    OPTION_ONTO_REMOVABLE,
    OPTION_DOMAIN,
    OPTION_REASON,
    OPTION_AS_IT_WAS,
    OPTION_KEY_PASSPHRASE_FILE,
    OPTION_DATABASE,
    OPTION_TABLE,
    OPTION_NO_OWNER,
    OPTION_COUNT,
};

/* Texts borrowed from argv, NULL-terminated. */
struct cli_words {
    const char **items;
    size_t count;
};

struct cli_arguments {
    const char *config; /* NULL: not said */
    bool quiet, verbose, help, version, json;
    const char *kit, *identity;
    const char *passphrase_file;
    unsigned long passphrase_fd;
    bool choose_passphrase;
    const char *new_passphrase_file;
    const char *url_for_kit;
    const char *store, *ssh_key, *ssh_key_passphrase_file, *known_hosts;
    const char *role, *key, *out;
    const char *snapshot, *before, *target, *expect_head;
    struct cli_words sources, includes;
    bool sign;
    bool overwrite, untrusted, recursive, tar;
    const char *since, *until, *event;
    bool csv, no_store;
    const char *policy_key;
    const char *data_set, *purpose, *destination, *medium, *return_by; /* carry request */
    struct cli_words parameters;
    bool documents, zip;
    unsigned long persons_max;
    const char *expires, *root; /* carry approve */
    bool yes, destroyed;
    const char *note, *to, *from, *passphrase_out, *path, *id;
    const char *onto_removable; /* the reason */
    const char *domain, *reason, *key_passphrase_file;
    bool as_it_was;
    const char *database; /* restore */
    struct cli_words tables;
    bool no_owner;
    unsigned long read_data; /* percent */
    bool accept_losses;
    unsigned long from_sequence;
    unsigned long retry;       /* seconds */
    unsigned long first_retry; /* the same for the first connection */
    struct cli_words words;    /* what is not an option; the command's name is cut off */
    bool given[OPTION_COUNT];  /* which options were there */
};

/* The longest command there is ("key new") has so many words. */
#define CLI_COMMAND_WORDS 2

/* Whoever looks into the backups does not want to wait for long; the night does. */
#define CLI_RETRY 30
#define CLI_RETRY_PATIENT 300
/* Nor does anybody at a terminal for a server that was not there to begin with. */
#define CLI_RETRY_FIRST 10

struct cli;
struct cli_command {
    const char *name;     /* "key new" */
    const char *operands; /* N_("SNAPSHOT [PATH]") or "" */
    const char *summary;  /* N_("…"): one line */
    const char *details;  /* N_("…"): further words in --help, or NULL */
    size_t least, most;   /* operands */
    enum cli_option options[32];
    unsigned retry;    /* seconds to go on trying while the storage does not answer; 0: CLI_RETRY */
    bool nightly;      /* nobody watches: waits for the first connection as for every other */
    const char *event; /* what the audit log calls it; NULL: it is not recorded */
    enum status (*run)(struct cli *cli, struct error *error);
};

enum cli_kind {
    CLI_FLAG,    /* bool */
    CLI_TEXT,    /* const char * */
    CLI_LIST,    /* struct cli_words */
    CLI_NUMBER,  /* unsigned long */
    CLI_PERCENT, /* unsigned long, 1 to 100; "=PERCENT" may be left out and means 100 */
};
struct cli_option_definition {
    const char *name;
    const char *argument; /* N_("FILE"); NULL: takes none */
    const char *help;     /* N_("…") */
    size_t offset;        /* in struct cli_arguments */
    enum cli_kind kind;
    char letter; /* or 0 */
};
extern const struct cli_option_definition cli_option_definitions[OPTION_COUNT];

/* Reads the words. *command is NULL when no command was named. What was read is in `arguments` also
 * after an error (so that --help is known). */
MUST_USE enum status cli_options_read(struct cli_arguments *arguments,
                                      const struct cli_command **command, int argc, char **argv,
                                      const struct cli_command *const *commands, size_t count,
                                      struct error *error);
void cli_arguments_free(struct cli_arguments *arguments);

void cli_help_command(const struct cli_command *command);
void cli_help_all(const struct cli_command *const *commands, size_t count);

#endif
