/* postgres_parameters: as much of PostgreSQL's lexical structure (its manual, 4.1) as it takes to
 * know which colon begins a parameter. Text that the server will not accept is copied as it is. */
#include "postgres_parameters.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANK " \t\r\n\f\v"

static bool begins_word(char c)
{
    return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool in_word(char c)
{
    return begins_word(c) || isdigit((unsigned char)c) || c == '$';
}

static size_t word_length(const char *sql)
{
    size_t size = 0;
    while (in_word(sql[size])) {
        size++;
    }
    return size;
}

/* A parameter's name has no '$'. */
static size_t name_length(const char *sql)
{
    size_t size = 0;
    while (in_word(sql[size]) && sql[size] != '$') {
        size++;
    }
    return size;
}

/* 'it''s', "name", E'it\'s'; two that only a new line parts are one. */
static size_t quoted_length(const char *sql, bool escapes)
{
    char quote = sql[0];
    size_t size = 1;
    while (sql[size] != '\0') {
        bool escaped = escapes && sql[size] == '\\' && sql[size + 1] != '\0';
        if (escaped || (sql[size] == quote && sql[size + 1] == quote)) {
            size += 2;
        } else if (sql[size] != quote) {
            size++;
        } else {
            size_t gap = strspn(sql + size + 1, BLANK);
            bool goes_on = quote == '\'' && memchr(sql + size + 1, '\n', gap) != NULL &&
                           sql[size + 1 + gap] == quote;
            if (!goes_on) {
                return size + 1;
            }
            size += gap + 2;
        }
    }
    return size;
}

/* $tag$ ... $tag$; 0: it is none. */
static size_t dollar_quoted_length(const char *sql)
{
    size_t tag = 1;
    if (begins_word(sql[tag])) {
        while (sql[tag] != '$' && in_word(sql[tag])) {
            tag++;
        }
    }
    if (sql[tag++] != '$') {
        return 0;
    }
    for (size_t size = tag; sql[size] != '\0'; size++) {
        if (sql[size] == '$' && strncmp(sql + size, sql, tag) == 0) {
            return size + tag;
        }
    }
    return strlen(sql);
}

/* They nest. */
static size_t comment_length(const char *sql)
{
    size_t size = 2;
    for (size_t depth = 1; depth > 0 && sql[size] != '\0';) {
        bool opens = sql[size] == '/' && sql[size + 1] == '*';
        bool closes = sql[size] == '*' && sql[size + 1] == '/';
        depth = opens ? depth + 1 : closes ? depth - 1 : depth;
        size += opens || closes ? 2 : 1;
    }
    return size;
}

/* How much is copied as it is; 0: here is a parameter. */
static size_t plain_length(const char *sql)
{
    size_t size = 1;
    switch (sql[0]) {
    case '\'':
    case '"':
        return quoted_length(sql, false);
    case '$':
        size = dollar_quoted_length(sql);
        return size == 0 ? 1 : size;
    case '-':
        return sql[1] == '-' ? strcspn(sql, "\r\n") : 1;
    case '/':
        return sql[1] == '*' ? comment_length(sql) : 1;
    case ':':
        return sql[1] == ':' ? 2 : begins_word(sql[1]) ? 0 : 1;
    case 'e':
    case 'E':
        if (sql[1] == '\'') {
            return 1 + quoted_length(sql + 1, true);
        }
        break;
    default:
        break;
    }
    return in_word(sql[0]) ? word_length(sql) : 1;
}

static enum status fail(const char *words, struct error *error)
{
    return error_set(error, STATUS_USAGE, 0, _("the SQL cannot be used: %s"), words);
}

static enum status add(struct postgres_parameters *parameters, const char *name, size_t size,
                       struct error *error)
{
    if (parameters->count == POSTGRES_PARAMETERS_LIMIT) {
        return fail(_("it has too many parameters"), error);
    }
    struct postgres_parameter *grown =
        realloc(parameters->items, (parameters->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return error_set_memory(error);
    }
    parameters->items = grown;
    grown[parameters->count++] = (struct postgres_parameter){name, size, parameters->text.size};
    char number[24];
    snprintf(number, sizeof number, " $%zu", parameters->count); /* "AND:a" is no "AND$1" */
    return buffer_append_text(&parameters->text, number, error);
}

enum status postgres_parameters_read(struct postgres_parameters *parameters, const char *sql,
                                     struct error *error)
{
    *parameters = (struct postgres_parameters){0};
    enum status status = STATUS_OK;
    while (status == STATUS_OK && sql[0] != '\0') {
        size_t plain = plain_length(sql);
        if (sql[0] == '$' && isdigit((unsigned char)sql[1])) {
            status = fail(_("it has a parameter that is not described"), error);
        } else if (plain > 0) {
            status = buffer_append(&parameters->text, sql, plain, error);
            sql += plain;
        } else {
            size_t size = name_length(sql + 1);
            status = add(parameters, sql + 1, size, error);
            sql += 1 + size;
        }
    }
    if (status == STATUS_OK) {
        status = buffer_append_u8(&parameters->text, 0, error);
    }
    if (status != STATUS_OK) {
        postgres_parameters_free(parameters);
    }
    return status;
}

void postgres_parameters_free(struct postgres_parameters *parameters)
{
    buffer_free(&parameters->text);
    free(parameters->items);
    *parameters = (struct postgres_parameters){0};
}
