/* config, private: where each key stands in the file, the schema, and the checks of the content. */
#ifndef KURA_CONFIG_PRIVATE_H
#define KURA_CONFIG_PRIVATE_H

#include "kura/config.h"
#include <cyaml/cyaml.h>

#define CONFIG_DEPTH_LIMIT 8
#define CONFIG_NODES_LIMIT 20000
#define CONFIG_PLACE_SIZE 512

/* ------------------------------------------------------------------ lines */

/* The line of every key and list item, by its place: "repository.stores[0].url". */
struct config_lines {
    const char *file; /* for messages; borrowed */
    void *tree;
    size_t count;
};

/* Walks over the whole text. What is not YAML, a second document, a key given twice, an alias, a
 * NUL in a text, too deep or too much: STATUS_USAGE with the line. */
MUST_USE enum status config_lines_read(struct config_lines *lines, const char *text, size_t size,
                                       struct error *error);
/* 0: it is not in the file. */
unsigned config_lines_find(const struct config_lines *lines, const char *place);
void config_lines_free(struct config_lines *lines);

/* "FILE: line N: " and the message; the line is that of the place, or else of what it is in. Always
 * STATUS_USAGE. */
enum status config_error(const struct config_lines *lines, const char *place, struct error *error,
                         const char *format, ...) PRINTF_LIKE(4, 5);

/* ------------------------------------------------------------------ schema */

/* The file as libcyaml delivers it: every key may be missing. */
struct yaml_store {
    char *name, *url, *identity_file, *known_hosts, *ssh_config;
    unsigned connections;
};
struct yaml_source {
    char *name, *sqlite, *tree;
    char **command, **exclude;
    unsigned command_count, exclude_count;
    int one_file_system;
};
struct yaml_repository {
    char *host_key, *state, *trusted_key;
    char **recipients;
    struct yaml_store *stores;
    unsigned recipients_count, stores_count;
};
struct yaml_config {
    struct yaml_repository repository;
    struct yaml_source *sources;
    unsigned sources_count;
    unsigned compression, due_hours;
    char *spool_limit;
    struct config_retention retention;
};

extern const cyaml_schema_value_t config_schema;

/* What the schema wants at a place, in words ("a list"); NULL: it knows no such key. */
const char *config_schema_wants(const char *place);
/* The keys that the group at a place may have: "name, url, …". */
void config_schema_known(char *keys, size_t size, const char *place);

/* ------------------------------------------------------------------ content */

/* Fills the configuration from what was read. `folder` is where relative paths start. */
MUST_USE enum status config_take(struct config *config, const struct yaml_config *yaml,
                                 const struct config_lines *lines, const char *folder,
                                 struct error *error);
/* Names, numbers, and which keys go together. */
MUST_USE enum status config_check(const struct yaml_config *yaml, const struct config_lines *lines,
                                  struct error *error);
/* "512M" in bytes. */
MUST_USE bool config_parse_bytes(uint64_t *bytes, const char *text);

#endif
