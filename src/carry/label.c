/* label: see label.h. A C2SP signed note:
 *
 *   kura medium label
 *   M-001
 *   0123456789abcdef0123456789abcdef
 *
 *   — kura-medium <signature of the host key>
 */
#include "label.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define NOTE_NAME "kura-medium"
#define FIRST_LINE "kura medium label\n"

enum status label_make(struct buffer *text, char nonce[LABEL_NONCE_SIZE], const char *medium,
                       const struct host_key *host, struct error *error)
{
    unsigned char random[(LABEL_NONCE_SIZE - 1) / 2];
    char body[256];
    randombytes_buf(random, sizeof random);
    hex_encode(nonce, random, sizeof random);
    snprintf(body, sizeof body, FIRST_LINE "%s\n%s\n", medium, nonce);
    return note_sign(text, body, NOTE_NAME, &host->signing, error);
}

enum status label_read(char nonce[LABEL_NONCE_SIZE], const char *text, size_t size,
                       const char *medium, const struct host_key *host, struct error *error)
{
    size_t body_size = 0;
    char front[256];
    enum status status =
        note_verify(&body_size, text, size, NOTE_NAME, host->signing.public_key, error);
    if (status != STATUS_OK) {
        return status;
    }
    int front_size = snprintf(front, sizeof front, FIRST_LINE "%s\n", medium);
    unsigned char bytes[(LABEL_NONCE_SIZE - 1) / 2];
    if (body_size != (size_t)front_size + LABEL_NONCE_SIZE ||
        memcmp(text, front, (size_t)front_size) != 0 || text[body_size - 1] != '\n' ||
        !hex_decode(bytes, sizeof bytes, text + front_size, LABEL_NONCE_SIZE - 1)) {
        return error_set(error, STATUS_UNAUTHENTIC, 0, "%s",
                         _("the label on the medium is another medium's"));
    }
    memcpy(nonce, text + front_size, LABEL_NONCE_SIZE - 1);
    nonce[LABEL_NONCE_SIZE - 1] = '\0';
    return STATUS_OK;
}
