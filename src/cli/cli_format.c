/* cli_format: sizes, times and names as people read them. */
#include "cli.h"
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

char *cli_format_bytes(char text[CLI_SIZE_TEXT], uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(text, CLI_SIZE_TEXT, "%u B", (unsigned)bytes);
        return text;
    }
    double size = (double)bytes / 1024;
    size_t unit = 0;
    while (size >= 1000 && unit + 1 < LENGTH(units)) {
        size /= 1024;
        unit++;
    }
    snprintf(text, CLI_SIZE_TEXT, size < 10 ? "%.1f %s" : "%.0f %s", size, units[unit]);
    return text;
}

char *cli_format_duration(char text[CLI_SIZE_TEXT], double seconds)
{
    /* More than a year is no estimate. */
    unsigned long whole = seconds < 0 || seconds > 3e7 ? 0 : (unsigned long)(seconds + 0.5);
    if (whole >= 3600) {
        snprintf(text, CLI_SIZE_TEXT, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
    } else {
        snprintf(text, CLI_SIZE_TEXT, "%lu:%02lu", whole / 60, whole % 60);
    }
    return text;
}

char *cli_format_id(char text[OBJECT_ID_TEXT_SIZE], const unsigned char id[OBJECT_ID_SIZE])
{
    hex_encode(text, id, OBJECT_ID_SIZE);
    text[CLI_ID_SHORT] = '\0';
    return text;
}

char *cli_format_path(const char *source, const char *path)
{
    /* Each byte becomes at most "\ooo". */
    size_t size = strlen(source) + 4 * strlen(path) + 2;
    char *text = malloc(size);
    if (text == NULL) {
        return NULL;
    }
    size_t used = (size_t)snprintf(text, size, "%s%s", source, path[0] == '\0' ? "" : "/");
    text_printable(text + used, size - used, path);
    return text;
}

void cli_print_column(FILE *stream, const char *text, int width)
{
    fputs(text, stream);
    int columns = 0;
    size_t left = strlen(text);
    mbstate_t state = {0};
    while (left > 0) {
        wchar_t character;
        size_t size = mbrtowc(&character, text, left, &state);
        if (size == 0 || size > left) {
            columns += (int)left;
            break;
        }
        int wide = wcwidth(character);
        columns += wide < 0 ? 0 : wide;
        text += size;
        left -= size;
    }
    for (; columns < width; columns++) {
        fputc(' ', stream);
    }
}

const char *cli_status_word(enum source_status status)
{
    switch (status) {
    case SOURCE_COMPLETE:
        return _("complete");
    case SOURCE_WARNINGS:
        return _("with warnings");
    case SOURCE_FAILED:
        return _("failed");
    }
    return "?";
}
