/* passphrase: what the files of passphrases share. */
#ifndef KURA_KEYS_PASSPHRASE_H
#define KURA_KEYS_PASSPHRASE_H

#include "kura/keys.h"

#define PASSPHRASE_LIMIT 1024  /* bytes */
#define PASSPHRASE_SHORTEST 12 /* characters of a chosen one */

/* passphrase_judge with the dictionary at this path (without its suffix); NULL: none there. */
MUST_USE enum status passphrase_judge_by(const struct secret_text *passphrase,
                                         const char *dictionary, struct error *error);

#endif
