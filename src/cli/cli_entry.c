/* cli_entry: one entry as a line like that of ls -l, or as JSON. */
#include "cli.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *type_name(enum entry_type type)
{
    switch (type) {
    case ENTRY_FILE:
        return "file";
    case ENTRY_FOLDER:
        return "folder";
    case ENTRY_SYMLINK:
        return "symlink";
    case ENTRY_FIFO:
        return "fifo";
    case ENTRY_SOCKET:
        return "socket";
    case ENTRY_CHARACTER_DEVICE:
        return "character device";
    case ENTRY_BLOCK_DEVICE:
        return "block device";
    case ENTRY_HARD_LINK:
        return "hard link";
    }
    return "unknown";
}

static char type_letter(enum entry_type type)
{
    static const char letters[] = "?-dlpscb-";
    return letters[type <= ENTRY_HARD_LINK ? type : 0];
}

json_t *cli_json_entry(const char *source, const struct entry *entry)
{
    json_t *object = json_object();
    json_object_set_new(object, "source", json_string(source));
    cli_json_set_bytes(object, "path", entry->path);
    json_object_set_new(object, "type", json_string(type_name(entry->type)));
    json_object_set_new(object, "mode", json_sprintf("%04o", (unsigned)entry->mode));
    json_object_set_new(object, "uid", json_integer(entry->uid));
    json_object_set_new(object, "gid", json_integer(entry->gid));
    if (entry->user != NULL) {
        cli_json_set_bytes(object, "user", entry->user);
    }
    if (entry->group != NULL) {
        cli_json_set_bytes(object, "group", entry->group);
    }
    json_object_set_new(object, "size", json_integer((json_int_t)entry->size));
    cli_json_set_moment(object, "modified", entry->modified);
    if (entry->link != NULL) {
        cli_json_set_bytes(object, "link", entry->link);
    }
    return object;
}

static void format_mode(char text[11], const struct entry *entry)
{
    static const char letters[] = "rwxrwxrwx";
    text[0] = type_letter(entry->type);
    for (unsigned i = 0; i < 9; i++) {
        text[i + 1] = '-';
        if ((entry->mode & (0400u >> i)) != 0) {
            text[i + 1] = letters[i];
        }
    }
    const struct {
        unsigned bit, place;
        const char *letters;
    } special[] = {{04000, 3, "Ss"}, {02000, 6, "Ss"}, {01000, 9, "Tt"}};
    for (size_t i = 0; i < LENGTH(special); i++) {
        if ((entry->mode & special[i].bit) != 0) {
            bool executable = text[special[i].place] == 'x';
            text[special[i].place] = special[i].letters[executable];
        }
    }
    text[10] = '\0';
}

static const char *format_owner(char text[64], const char *name, uint32_t number)
{
    if (name != NULL) {
        return text_printable(text, 64, name);
    }
    snprintf(text, 64, "%" PRIu32, number);
    return text;
}

void cli_print_entry(const char *name, const struct entry *entry)
{
    char mode[11];
    char user[64];
    char group[64];
    char time[MOMENT_TEXT_SIZE];
    format_mode(mode, entry);
    printf("%s %-8s %-8s %12" PRIu64 " %s %s", mode, format_owner(user, entry->user, entry->uid),
           format_owner(group, entry->group, entry->gid), entry->size,
           moment_format_local(time, entry->modified), name);
    if (entry->link != NULL) {
        CLEANUP(memory_free) char *link = cli_format_path("", entry->link);
        printf(" %s %s", entry->type == ENTRY_SYMLINK ? "->" : "=", link == NULL ? "?" : link + 1);
    }
    putchar('\n');
}
