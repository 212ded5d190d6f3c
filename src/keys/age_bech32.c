/* age_bech32: Bech32 (BIP 173) as age uses it: any length, one case throughout, the checksum over
 * the lower-case form. Works in place on the caller's memory, so that secrets are not copied.
 *
 *     prefix "1" data (5 bits a character, zero bits at the end) checksum (6 characters)
 */
#include "age_bech32.h"
#include <sodium.h>
#include <string.h>

#define CHECKSUM_LENGTH 6

static const char letters[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static uint32_t checksum_add(uint32_t checksum, unsigned value)
{
    static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                         0x2a1462b3};
    uint32_t top = checksum >> 25;
    checksum = (checksum & 0x1ffffff) << 5 ^ value;
    for (unsigned i = 0; i < LENGTH(generator); i++) {
        checksum ^= (top >> i & 1) != 0 ? generator[i] : 0;
    }
    return checksum;
}

static char lower(char letter)
{
    if (letter >= 'A' && letter <= 'Z') {
        letter |= 0x20;
    }
    return letter;
}

static uint32_t checksum_prefix(const char *prefix, size_t size)
{
    uint32_t checksum = 1;
    for (size_t i = 0; i < size; i++) {
        checksum = checksum_add(checksum, (unsigned char)lower(prefix[i]) >> 5);
    }
    checksum = checksum_add(checksum, 0);
    for (size_t i = 0; i < size; i++) {
        checksum = checksum_add(checksum, (unsigned char)lower(prefix[i]) & 31);
    }
    return checksum;
}

static bool letters_allowed(const char *text, size_t size)
{
    bool upper_seen = false;
    bool lower_seen = false;
    for (size_t i = 0; i < size; i++) {
        unsigned char letter = (unsigned char)text[i];
        if (letter < 33 || letter > 126) {
            return false;
        }
        upper_seen = upper_seen || (letter >= 'A' && letter <= 'Z');
        lower_seen = lower_seen || (letter >= 'a' && letter <= 'z');
    }
    return !(upper_seen && lower_seen);
}

static bool find_prefix(size_t *prefix_size, const char *text, size_t size)
{
    const char *separator = size == 0 ? NULL : memrchr(text, '1', size);
    if (separator == NULL || separator == text) {
        return false;
    }
    *prefix_size = (size_t)(separator - text);
    return size - *prefix_size - 1 >= CHECKSUM_LENGTH;
}

/* Five bits at a time into bytes; what is left over at the end must be fewer than five zero bits,
 * or one key would have several texts. */
static bool collect(unsigned char *target, size_t *size, uint32_t checksum, const char *data,
                    size_t length)
{
    uint32_t bits = 0;
    unsigned count = 0;
    *size = 0;
    for (size_t i = 0; i < length; i++) {
        const char *found = memchr(letters, lower(data[i]), sizeof(letters) - 1);
        if (found == NULL) {
            return false;
        }
        unsigned value = (unsigned)(found - letters);
        checksum = checksum_add(checksum, value);
        if (i >= length - CHECKSUM_LENGTH) {
            continue;
        }
        bits = (bits << 5 | value) & 0xfff;
        count += 5;
        if (count >= 8) {
            count -= 8;
            target[(*size)++] = (unsigned char)(bits >> count);
        }
    }
    return checksum == 1 && count < 5 && (bits & ((1U << count) - 1)) == 0;
}

bool bech32_decode(unsigned char *target, size_t capacity, size_t *size, size_t *prefix_size,
                   const char *text, size_t text_size)
{
    if (!letters_allowed(text, text_size) || !find_prefix(prefix_size, text, text_size)) {
        return false;
    }
    const char *data = text + *prefix_size + 1;
    size_t length = text_size - *prefix_size - 1;
    if (length > SIZE_MAX / 5 || (length - CHECKSUM_LENGTH) * 5 / 8 > capacity) {
        return false;
    }
    if (!collect(target, size, checksum_prefix(text, *prefix_size), data, length)) {
        sodium_memzero(target, capacity);
        return false;
    }
    return true;
}

static char letter_of(unsigned value, bool upper)
{
    char letter = letters[value];
    if (upper && letter >= 'a') {
        letter &= ~0x20;
    }
    return letter;
}

void bech32_encode(char *target, const char *prefix, const unsigned char *data, size_t size)
{
    size_t prefix_size = strlen(prefix);
    bool upper = prefix[0] >= 'A' && prefix[0] <= 'Z';
    uint32_t checksum = checksum_prefix(prefix, prefix_size);
    target = mempcpy(target, prefix, prefix_size);
    *target++ = '1';
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < size || count > 0;) {
        if (count < 5 && i < size) {
            bits = (bits << 8 | data[i++]) & 0xfff;
            count += 8;
        } else if (count < 5) {
            bits <<= 5 - count;
            count = 5;
        }
        count -= 5;
        unsigned value = bits >> count & 31;
        checksum = checksum_add(checksum, value);
        *target++ = letter_of(value, upper);
    }
    for (unsigned i = 0; i < CHECKSUM_LENGTH; i++) {
        checksum = checksum_add(checksum, 0);
    }
    checksum ^= 1;
    for (unsigned i = 0; i < CHECKSUM_LENGTH; i++) {
        *target++ = letter_of(checksum >> (5 * (5 - i)) & 31, upper);
    }
}
