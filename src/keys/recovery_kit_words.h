/* recovery_kit_words: what whoever finds a recovery kit reads. Always in both languages: the
 * finder's is not known. */
#ifndef KURA_KEYS_RECOVERY_KIT_WORDS_H
#define KURA_KEYS_RECOVERY_KIT_WORDS_H

extern const char recovery_kit_words[];

#endif
