/* checkpoint: the head of the log as a C2SP checkpoint, signed by the host key.
 *
 *     kura/0123…   the origin, and the name of the key
 *     17           how many records
 *     base64       the root of the tree over them
 */
#include "audit_private.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOT_TEXT_SIZE sodium_base64_ENCODED_LEN(AUDIT_ROOT_SIZE, sodium_base64_VARIANT_ORIGINAL)
#define TEXT_LIMIT (NOTE_NAME_SIZE + 21 + ROOT_TEXT_SIZE + 8)

static void compose_text(char text[TEXT_LIMIT], const char *origin, const struct audit_head *head)
{
    char root[ROOT_TEXT_SIZE];
    sodium_bin2base64(root, sizeof root, head->root, sizeof head->root,
                      sodium_base64_VARIANT_ORIGINAL);
    snprintf(text, TEXT_LIMIT, "%.*s\n%llu\n%s\n", NOTE_NAME_SIZE, origin,
             (unsigned long long)head->size, root);
}

enum status checkpoint_compose(struct buffer *note, const struct audit_options *options,
                               const struct audit_head *head, struct error *error)
{
    char text[TEXT_LIMIT];
    compose_text(text, options->origin, head);
    return note_sign(note, text, options->origin, options->signing, error);
}

/* Behind the origin: the size in decimal and the root, each with its newline. */
static bool parse_head(struct audit_head *head, const char *text, size_t size)
{
    char copy[TEXT_LIMIT];
    if (size >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    char *number_end = strchr(copy, '\n');
    char *root_end = number_end == NULL ? NULL : strchr(number_end + 1, '\n');
    if (root_end == NULL || number_end == copy || number_end - copy > 19) {
        return false;
    }
    *number_end = *root_end = '\0';
    head->size = strtoull(copy, NULL, 10);
    size_t root_size = 0;
    return text_ascii(number_end + 1, (size_t)(root_end - number_end) - 1) &&
           sodium_base642bin(head->root, sizeof head->root, number_end + 1,
                             (size_t)(root_end - number_end) - 1, NULL, &root_size, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           root_size == sizeof head->root;
}

enum status checkpoint_parse(struct audit_head *head, const void *note, size_t size,
                             const struct audit_options *options, struct error *error)
{
    size_t text_size = 0;
    enum status status =
        note_verify(&text_size, note, size, options->origin, options->public_key, error);
    if (status != STATUS_OK) {
        return status;
    }
    size_t front = strlen(options->origin) + 1;
    char text[TEXT_LIMIT];
    bool parsed = text_size > front && memcmp(note, options->origin, front - 1) == 0 &&
                  ((const char *)note)[front - 1] == '\n' &&
                  parse_head(head, (const char *)note + front, text_size - front);
    /* Signed is one form alone: leading zeros, signs or lines behind it are not ours. */
    if (parsed) {
        compose_text(text, options->origin, head);
    }
    if (!parsed || strlen(text) != text_size || memcmp(text, note, text_size) != 0) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("the checkpoint is malformed"));
    }
    return STATUS_OK;
}
