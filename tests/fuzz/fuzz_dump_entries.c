// room: restore
/* A list of an archive, its first line the number of the table that is wanted: what is chosen are
 * lines of the list, each once. And the same as the script of pg_restore --create. */
#include "../../src/restore/dump_entries.h"
#include "../../src/restore/hidden.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(const struct buffer *lines, const char *list)
{
    const char *at = list;
    for (size_t i = 0; i < lines->size;) {
        const char *line = (const char *)lines->data + i;
        size_t length = strcspn(line, "\n") + 1;
        while (*at != '\0' && (strncmp(at, line, length - 1) != 0 ||
                               (at[length - 1] != '\n' && at[length - 1] != '\0'))) {
            size_t passed = strcspn(at, "\n");
            at += passed + (at[passed] == '\n');
        }
        if (*at == '\0') {
            abort();
        }
        at += length - (at[length - 1] == '\0');
        i += length;
    }
}

static void read_words(const char *script)
{
    struct hidden_words words = {.script = script};
    while (hidden_next_words(&words, strlen(script) % 2 == 1)) {
        if (strncmp(words.name, words.own, words.own_size) != 0 ||
            words.name + words.own_size > words.statement + words.size) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    size_t first = strcspn(text, "\n");
    char *list = text + first + (text[first] == '\n');
    struct buffer lines = {0};
    struct buffer options = {0};
    struct error error = {0};
    size_t left = 0;
    text[first] = '\0';
    unsigned long ids[] = {strtoul(text, NULL, 10), 0};
    if (list > text + first &&
        dump_entries_choose(&lines, &left, list, ids, 1 + (dump_entries_table(&ids[1], list) > 0),
                            &error) == STATUS_OK &&
        buffer_append_u8(&lines, 0, &error) == STATUS_OK) {
        lines.size--;
        check_lines(&lines, list);
    }
    (void)!hidden_take_options(&options, list, &error);
    (void)hidden_own_name_has_lines(list);
    read_words(list);
    buffer_free(&lines);
    buffer_free(&options);
    free(text);
    return 0;
}
