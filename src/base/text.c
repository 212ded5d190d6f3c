/* text: bytes from outside made safe for a terminal or a log; hexadecimal. */
#include "kura/base.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* Length of the well-formed UTF-8 character at `text` (Unicode 15, table 3-7), 0 if it is none.
 * C1 controls count as none: some terminals obey them. */
static size_t utf8_length(const unsigned char *text)
{
    unsigned char first = text[0];
    size_t length = first < 0x80                     ? 1
                    : first >= 0xc2 && first <= 0xdf ? 2
                    : first >= 0xe0 && first <= 0xef ? 3
                    : first >= 0xf0 && first <= 0xf4 ? 4
                                                     : 0;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (first == 0xe0 && text[1] < 0xa0) || (first == 0xf0 && text[1] < 0x90);
    bool outside = (first == 0xed && text[1] > 0x9f) || (first == 0xf4 && text[1] > 0x8f);
    bool control = first == 0xc2 && text[1] < 0xa0;
    return overlong || outside || control ? 0 : length;
}

char *text_printable(char *target, size_t size, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t used = 0;
    while (*at != '\0') {
        char piece[5] = {0};
        size_t length = utf8_length(at);
        if (length == 0 || *at < 0x20 || *at == 0x7f) {
            snprintf(piece, sizeof piece, "\\%03o", *at);
            length = 1;
        } else {
            memcpy(piece, at, length);
        }
        size_t piece_length = strlen(piece);
        if (used + piece_length + 1 > size) {
            break;
        }
        memcpy(target + used, piece, piece_length);
        used += piece_length;
        at += length;
    }
    target[used] = '\0';
    return target;
}

char *hex_encode(char *target, const void *data, size_t size)
{
    return sodium_bin2hex(target, 2 * size + 1, data, size);
}

bool hex_decode(void *target, size_t size, const char *text, size_t text_size)
{
    if (text_size != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < text_size; i++) {
        bool digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (!digit) {
            return false;
        }
    }
    return sodium_hex2bin(target, size, text, text_size, NULL, NULL, NULL) == 0;
}

bool text_ascii(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] > 127) {
            return false;
        }
    }
    return true;
}
