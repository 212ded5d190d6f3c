/* paper_text: pieces of documents for people. */
#ifndef KURA_CARRY_PAPER_TEXT_H
#define KURA_CARRY_PAPER_TEXT_H

#include "kura/carry.h"

#define PAPER_TIME_SIZE 64
#define PAPER_DATE_SIZE 48
#define PAPER_NAME_SIZE 512
#define PAPER_UNKNOWN "調査中"

MUST_USE enum status paper_append(struct buffer *text, struct error *error, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* "2026年11月22日 14時05分"; 調査中 for {0}. Returns target. */
char *paper_time(char target[PAPER_TIME_SIZE], struct moment moment);
/* "2026年11月27日", so many days later. Returns target. */
char *paper_date(char target[PAPER_DATE_SIZE], struct moment moment, unsigned days);
/* "佐藤 次郎 (sato)"; the id alone if the policy does not know it; 調査中 for an empty one. */
char *paper_person(char target[PAPER_NAME_SIZE], const struct policy *policy, const char *id);

#endif
