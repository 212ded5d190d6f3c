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
    unsigned connections, timeout;
};
struct yaml_source {
    char *name, *sqlite, *tree, *postgres, *pg_dump;
    char **command, **exclude;
    unsigned command_count, exclude_count, lock_timeout, remnant_days, timeout;
    int one_file_system, large_objects, globals;
};
struct yaml_erasure {
    char *domain, *source;
    char **sql, **paths;
    unsigned sql_count, paths_count;
};
struct yaml_person_kind {
    char *domain, *source, *sql;
};
struct yaml_together {
    char **sources, **before, **after;
    unsigned sources_count, before_count, after_count, timeout;
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
    struct yaml_person_kind *persons;
    struct yaml_erasure *erasure;
    unsigned sources_count, persons_count, erasure_count;
    unsigned compression, due_hours;
    char *spool_limit, *policy, *gate;
    struct config_retention retention;
    struct yaml_together together;
};

extern const cyaml_schema_value_t config_schema;
extern const cyaml_schema_value_t person_kind_item; /* of policy.yaml, too */

/* Fields by the names of their members; every key may be missing. */
#define CONFIG_TEXT_LIMIT 4096
#define CONFIG_LIST_LIMIT 1000

#define FIELD_TEXT(type, member)                                                                   \
    CYAML_FIELD_STRING_PTR(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 0,     \
                           CONFIG_TEXT_LIMIT)
#define FIELD_NUMBER(type, member) CYAML_FIELD_UINT(#member, CYAML_FLAG_OPTIONAL, type, member)
#define FIELD_LIST(type, member, items)                                                            \
    CYAML_FIELD_SEQUENCE(#member, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, items,   \
                         0, CONFIG_LIST_LIMIT)

/* What a schema wants at a place, in words ("a list"); NULL: it knows no such key. */
const char *config_schema_wants(const cyaml_schema_value_t *schema, const char *place);
/* The keys that the group at a place may have: "name, url, …". */
void config_schema_known(char *keys, size_t size, const cyaml_schema_value_t *schema,
                         const char *place);

/* Reads the text by the schema; *data is NULL for an empty text. Freed with config_unload. */
MUST_USE enum status config_load(void **data, const cyaml_schema_value_t *schema, const void *text,
                                 size_t size, const struct config_lines *lines,
                                 struct error *error);
void config_unload(void *data, const cyaml_schema_value_t *schema);

/* ------------------------------------------------------------------ content */

/* Fills the configuration from what was read. `folder` is where relative paths start. */
MUST_USE enum status config_take(struct config *config, const struct yaml_config *yaml,
                                 const struct config_lines *lines, const char *folder,
                                 struct error *error);
/* Names, numbers, and which keys go together. */
MUST_USE enum status config_check(const struct yaml_config *yaml, const struct config_lines *lines,
                                  struct error *error);
/* The same for what erasing means: each rule fits its source, and depends on the person. */
MUST_USE enum status config_check_erasure(const struct yaml_config *yaml,
                                          const struct config_lines *lines, struct error *error);
MUST_USE enum status config_check_persons(const struct yaml_config *yaml,
                                          const struct config_lines *lines, struct error *error);
MUST_USE enum status config_take_persons(struct config *config, const struct yaml_config *yaml,
                                         struct error *error);
MUST_USE enum status config_check_together(const struct yaml_config *yaml,
                                           const struct config_lines *lines, struct error *error);
/* Once the sources have their whole paths. */
MUST_USE enum status config_take_together(struct config *config, const struct yaml_config *yaml,
                                          const struct config_lines *lines, struct error *error);
void config_forget_together(struct config *config);
/* A number that is given lies between the two. */
MUST_USE enum status config_check_number(const struct config_lines *lines, const char *place,
                                         unsigned value, unsigned least, unsigned most,
                                         struct error *error);
/* A copy of the words, NULL-terminated; none: NULL. */
MUST_USE enum status config_take_words(char ***target, char *const *words, unsigned count,
                                       struct error *error);
void config_source_forget_persons(struct config_source *source);
/* NULL or blank. */
bool config_sql_is_empty(const char *sql);
/* A name that is given: letters, digits and so on, good for a folder. */
MUST_USE enum status config_check_name(const struct config_lines *lines, const char *place,
                                       const char *name, struct error *error);
/* "512M" in bytes. */
MUST_USE bool config_parse_bytes(uint64_t *bytes, const char *text);

#endif
