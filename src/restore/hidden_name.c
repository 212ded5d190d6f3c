/* hidden_name: the names that a restore into a database gives, and how it knows them again. */
#include "hidden.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MARK ".kura-"
#define RANDOM_SIZE 4
#define CHECK_SIZE 4

/* The beginning of a name that leaves room for so many bytes more; never half a character. */
static int fitting(const char *target, size_t more)
{
    size_t most = DATABASE_NAME_SIZE - 1 - more;
    size_t size = strlen(target);
    if (size > most) {
        size = most;
        while (size > 0 && ((unsigned char)target[size] & 0xc0) == 0x80) {
            size--;
        }
    }
    return (int)size;
}

static void digest_of(unsigned char digest[32], const char *target, const unsigned char *more,
                      size_t size)
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, 32);
    crypto_generichash_update(&state, (const unsigned char *)target, strlen(target) + 1);
    crypto_generichash_update(&state, more, size);
    crypto_generichash_final(&state, digest, 32);
}

static void write_name(char name[DATABASE_NAME_SIZE], const char *target,
                       const unsigned char random[RANDOM_SIZE])
{
    unsigned char digest[32];
    unsigned char bytes[RANDOM_SIZE + CHECK_SIZE];
    char hex[2 * sizeof bytes + 1];
    digest_of(digest, target, random, RANDOM_SIZE);
    memcpy(bytes, random, RANDOM_SIZE);
    memcpy(bytes + RANDOM_SIZE, digest, CHECK_SIZE);
    snprintf(name, DATABASE_NAME_SIZE, "%.*s" MARK "%s",
             fitting(target, sizeof MARK - 1 + 2 * sizeof bytes), target,
             hex_encode(hex, bytes, sizeof bytes));
}

void hidden_name_make(char name[DATABASE_NAME_SIZE], const char *target)
{
    unsigned char random[RANDOM_SIZE];
    randombytes_buf(random, sizeof random);
    write_name(name, target, random);
}

bool hidden_name_is_of(const char *name, const char *target)
{
    unsigned char random[RANDOM_SIZE];
    char expected[DATABASE_NAME_SIZE];
    size_t size = strlen(name);
    size_t digits = 2 * (RANDOM_SIZE + CHECK_SIZE);
    if (size <= digits ||
        !hex_decode(random, sizeof random, name + size - digits, 2 * RANDOM_SIZE)) {
        return false;
    }
    write_name(expected, target, random);
    return strcmp(name, expected) == 0;
}

void hidden_name_before(char name[DATABASE_NAME_SIZE], const char *target, unsigned number)
{
    char time[] = "20261127T235959Z";
    char again[12] = "";
    time_t now = moment_now().seconds;
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(time, sizeof time, "%Y%m%dT%H%M%SZ", &parts);
    if (number > 1) {
        snprintf(again, sizeof again, "-%u", number);
    }
    snprintf(name, DATABASE_NAME_SIZE, "%.*s.before-%s%s",
             fitting(target, sizeof ".before-" - 1 + strlen(time) + strlen(again)), target, time,
             again);
}

void hidden_name_lock(char number[24], const char *target)
{
    unsigned char digest[32];
    int64_t key;
    digest_of(digest, target, (const unsigned char *)"lock", 4);
    memcpy(&key, digest, sizeof key);
    snprintf(number, 24, "%lld", (long long)key);
}
