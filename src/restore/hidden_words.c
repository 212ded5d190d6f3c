/* hidden_words: what an archive says of its database as a whole, read out of the script that
 * pg_restore
 * --create writes. Encoding and locale are taken for the new database; settings, privileges, owner
 * and comment are said anew, with the new database's name in the place of the old. */
#include "hidden.h"
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ encoding and locale */

/* The archive's own words for its database:
 *
 *     CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE = 'ja_JP.UTF-8';
 *
 * Only these options are taken over, and only if they are an option, '=', and a word or a quoted
 * text: a tablespace of the old server means nothing here. */
static const char *const options_kept[] = {"ENCODING",   "LOCALE_PROVIDER", "LOCALE",
                                           "LC_COLLATE", "LC_CTYPE",        "ICU_LOCALE",
                                           "ICU_RULES",  "BUILTIN_LOCALE"};

static bool is_kept(const char *name, size_t size)
{
    for (size_t i = 0; i < LENGTH(options_kept); i++) {
        if (strlen(options_kept[i]) == size && strncmp(options_kept[i], name, size) == 0) {
            return true;
        }
    }
    return false;
}

/* The length of a word or of a quoted text ('' within it is a quote); 0: neither. */
static size_t value_size(const char *text)
{
    size_t size = 1;
    if (text[0] != '\'') {
        return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    }
    while (text[size] != '\0' && text[size] != '\n') {
        if (text[size] != '\'') {
            size++;
        } else if (text[size + 1] == '\'') {
            size += 2;
        } else {
            return size + 1;
        }
    }
    return 0;
}

/* Behind a name as the script writes it: a word, or quoted, where "" is a quote and a line may end.
 */
static const char *behind_name(const char *name)
{
    if (name[0] != '"') {
        return name + strcspn(name, " \n");
    }
    const char *at = name + 1;
    while (*at != '\0' && (at[0] != '"' || at[1] == '"')) {
        at += at[0] == '"' ? 2 : 1;
    }
    return at + (*at == '"');
}

/* The name in the statement that makes the database, or NULL. */
static const char *find_own_name(const char *script)
{
    static const char begin[] = "\nCREATE DATABASE ";
    const char *at = strstr(script, begin);
    return at == NULL ? NULL : at + sizeof begin - 1;
}

bool hidden_own_name_has_lines(const char *script)
{
    const char *name = find_own_name(script);
    return name != NULL && name + strcspn(name, "\n\r") < behind_name(name);
}

enum status hidden_take_options(struct buffer *options, const char *script, struct error *error)
{
    static const char template[] = " WITH TEMPLATE = template0";
    const char *own = find_own_name(script);
    const char *at = own == NULL ? NULL : behind_name(own);
    if (at == NULL || strncmp(at, template, sizeof template - 1) != 0) {
        return STATUS_OK; /* an archive without it: the server's own */
    }
    at += sizeof template - 1;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && *at == ' ') {
        const char *name = at + 1;
        size_t name_size = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
        const char *value = name + name_size + 3;
        if (name_size == 0 || strncmp(name + name_size, " = ", 3) != 0 || value_size(value) == 0) {
            break;
        }
        if (is_kept(name, name_size)) {
            status = buffer_append(options, at, (size_t)(value - at) + value_size(value), error);
        }
        at = value + value_size(value);
    }
    return status;
}

/* ------------------------------------------------------------------ the other statements */

/* From here to the ';' that ends it: not one within quotes, so that nobody can hide a statement in
 * a comment of the database. Lines of comments and of psql are passed over first. NULL: no more. */
static const char *next_statement(size_t *size, const char *script)
{
    for (;;) {
        script += strspn(script, " \n\t");
        if (strncmp(script, "--", 2) != 0 && script[0] != '\\') {
            break;
        }
        script += strcspn(script, "\n");
    }
    char quote = '\0';
    for (*size = 0; script[*size] != '\0'; (*size)++) {
        char here = script[*size];
        if (quote == '\0' && (here == '\'' || here == '"')) {
            quote = here;
        } else if (here == quote) {
            quote = '\0';
        } else if (here == ';' && quote == '\0') {
            return script;
        }
    }
    return NULL;
}

/* What a statement begins with, and the words in front of the database's name. */
static const struct {
    const char *begin, *before;
    bool owner; /* left out with --no-owner */
} forms[] = {
    {"ALTER DATABASE ", "ALTER DATABASE ", false},
    {"ALTER ROLE ", " IN DATABASE ", true},
    {"GRANT ", " ON DATABASE ", true},
    {"REVOKE ", " ON DATABASE ", true},
    {"COMMENT ON DATABASE ", "COMMENT ON DATABASE ", false},
};

/* Where the name stands in the statement, or NULL: it is about something else. */
static const char *find_name(const char *statement, size_t size, const char *name, size_t name_size,
                             bool no_owner)
{
    static const char owner[] = " OWNER TO ";
    for (size_t i = 0; i < LENGTH(forms); i++) {
        const char *at = strstr(statement, forms[i].before);
        if (strncmp(statement, forms[i].begin, strlen(forms[i].begin)) != 0 || at == NULL ||
            at > statement + size) {
            continue;
        }
        at += strlen(forms[i].before);
        size_t room = at < statement + size ? (size_t)(statement + size - at) : 0;
        if (room <= name_size || memcmp(at, name, name_size) != 0 || at[name_size] != ' ') {
            return NULL;
        }
        bool owned = forms[i].owner || strncmp(at + name_size, owner, sizeof owner - 1) == 0;
        return owned && no_owner ? NULL : at;
    }
    return NULL;
}

bool hidden_next_words(struct hidden_words *words, bool no_owner)
{
    static const char create[] = "CREATE DATABASE ";
    while ((words->statement = next_statement(&words->size, words->script)) != NULL) {
        const char *statement = words->statement;
        words->script = statement + words->size + 1;
        if (words->own == NULL && strncmp(statement, create, sizeof create - 1) == 0) {
            words->own = statement + sizeof create - 1;
            const char *end = strstr(words->own, " WITH TEMPLATE = ");
            words->own_size = end == NULL ? 0 : (size_t)(end - words->own);
        }
        words->name =
            words->own == NULL || words->own_size == 0
                ? NULL
                : find_name(statement, words->size, words->own, words->own_size, no_owner);
        if (words->name != NULL) {
            return true;
        }
    }
    return false;
}

/* The statement up to its name, that name, and what is to follow it. */
static enum status say_anew(struct hidden_database *database, const struct hidden_words *words,
                            const char *name, const char *rest, size_t rest_size,
                            struct error *error)
{
    CLEANUP(buffer_free) struct buffer sql = {0};
    CLEANUP(memory_free) char *own = NULL;
    const char *const values[] = {name, NULL};
    enum status status = postgres_format(&own, &database->server, "%I", values, error);
    if (status == STATUS_OK) {
        status =
            buffer_append(&sql, words->statement, (size_t)(words->name - words->statement), error);
    }
    if (status == STATUS_OK) {
        status = buffer_append_text(&sql, own, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append(&sql, rest, rest_size, error);
    }
    if (status == STATUS_OK) {
        status = buffer_append_u8(&sql, '\0', error);
    }
    return status == STATUS_OK
               ? hidden_run_strictly(&database->server, (const char *)sql.data, error)
               : status;
}

static const char *rest_of(const struct hidden_words *words, size_t *size)
{
    const char *rest = words->name + words->own_size;
    *size = words->size - (size_t)(rest - words->statement);
    return rest;
}

enum hidden_part hidden_part_of(const struct hidden_words *words)
{
    const char *rest = words->name + words->own_size;
    bool of_database = strncmp(words->statement, "ALTER DATABASE ", 15) == 0;
    if (strncmp(words->statement, "ALTER ROLE ", 11) == 0 ||
        (of_database && strncmp(rest, " SET ", 5) == 0)) {
        return HIDDEN_SETTINGS;
    }
    return of_database && strncmp(rest, " OWNER TO ", 10) == 0 ? HIDDEN_OWNER : HIDDEN_PROPERTIES;
}

static bool shuts_out_all(const struct hidden_words *words)
{
    static const char end[] = " FROM PUBLIC";
    size_t size = sizeof end - 1;
    return strncmp(words->statement, "REVOKE ", 7) == 0 && words->size > size &&
           memcmp(words->statement + words->size - size, end, size) == 0;
}

static enum status say_property(struct hidden_database *database, const struct hidden_words *words,
                                bool *open, struct error *error)
{
    struct error problem = {0};
    enum status status = hidden_begin_step(database, error);
    if (status != STATUS_OK) {
        return status;
    }
    size_t size;
    const char *rest = rest_of(words, &size);
    status = say_anew(database, words, database->target, rest, size, &problem);
    if (status != STATUS_OK && open != NULL) {
        *open |= shuts_out_all(words);
    }
    return hidden_end_step(database, status, &problem, _("properties"), error);
}

/* Every database that is made later would hold the customers. */
static bool makes_template(const struct hidden_words *words)
{
    return strncmp(words->name + words->own_size, " IS_TEMPLATE = ", 15) == 0;
}

static void tell_template(const struct hidden_database *database)
{
    struct error told = {0};
    error_set(&told, STATUS_UNSUPPORTED, 0, "%s",
              _("what was backed up is a template for other databases; what is restored is none"));
    error_set_hint(&told, "%s", _("ALTER DATABASE … IS_TEMPLATE = true makes it one."));
    hidden_warn(database, &told);
}

bool hidden_setting_name(char name[SETTING_NAME_SIZE], const struct hidden_words *words)
{
    static const char set[] = " SET ";
    size_t size;
    const char *rest = rest_of(words, &size);
    const char *to = strstr(rest, " TO ");
    if (strncmp(rest, set, sizeof set - 1) != 0 || to == NULL || to >= rest + size ||
        (size_t)(to - rest) - (sizeof set - 1) >= SETTING_NAME_SIZE) {
        return false;
    }
    snprintf(name, SETTING_NAME_SIZE, "%.*s", (int)(to - rest) - (int)(sizeof set - 1),
             rest + sizeof set - 1);
    return true;
}

enum status hidden_say_setting(struct hidden_database *database, const struct hidden_words *words,
                               struct error *error)
{
    size_t size;
    const char *rest = rest_of(words, &size);
    return say_anew(database, words, database->name, rest, size, error);
}

enum status hidden_set_here(struct hidden_database *database, const struct hidden_words *words,
                            struct error *error)
{
    size_t size;
    const char *rest = rest_of(words, &size);
    CLEANUP(memory_free) char *sql = strndup(rest, size);
    return sql == NULL ? error_set_memory(error) : postgres_script(&database->inside, sql, error);
}

enum status hidden_unsay_setting(struct hidden_database *database, const struct hidden_words *words,
                                 struct error *error)
{
    char reset[SETTING_NAME_SIZE + 16] = " RESET ";
    return hidden_setting_name(reset + strlen(reset), words)
               ? say_anew(database, words, database->name, reset, strlen(reset), error)
               : STATUS_OK;
}

enum status hidden_say_anew(struct hidden_database *database, enum hidden_part part, bool *open,
                            struct error *error)
{
    struct hidden_words words = {.script = (const char *)database->script.data};
    enum status status = STATUS_OK;
    while (status == STATUS_OK && hidden_next_words(&words, database->options->no_owner)) {
        if (makes_template(&words)) {
            if (part == HIDDEN_PROPERTIES) {
                tell_template(database);
            }
        } else if (hidden_part_of(&words) == part) {
            status = say_property(database, &words, open, error);
        }
    }
    return status;
}
