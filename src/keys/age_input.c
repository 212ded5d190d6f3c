/* age_input: what the rest of age reads from: binary as it comes, armor decoded on the way. Bounded
 * by its own two small buffers.
 */
#include "age_private.h"
#include <string.h>

static enum status fill(struct age_input *input, struct error *error)
{
    size_t got = 0;
    enum status status =
        input->supply.read(input->supply.context, input->raw, sizeof(input->raw), &got, error);
    if (status == STATUS_OK) {
        input->raw_at = 0;
        input->raw_size = got;
        input->raw_ended = got < sizeof(input->raw);
    }
    return status;
}

enum status age_input_raw_byte(struct age_input *input, int *byte, struct error *error)
{
    if (input->raw_at == input->raw_size && !input->raw_ended) {
        enum status status = fill(input, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    *byte = input->raw_at < input->raw_size ? input->raw[input->raw_at++] : -1;
    return STATUS_OK;
}

enum status age_input_open(struct age_input *input, struct age_supply supply, struct error *error)
{
    *input = (struct age_input){.supply = supply};
    enum status status = fill(input, error);
    if (status != STATUS_OK) {
        return status;
    }
    /* Every binary file starts with "age-encryption.org/". */
    input->armored = input->raw_size > 0 && input->raw[0] != 'a';
    return input->armored ? age_armor_begin(input, error) : STATUS_OK;
}

static size_t take(void *target, size_t size, const unsigned char *from, size_t *at, size_t end)
{
    size_t part = end - *at < size ? end - *at : size;
    memcpy(target, from + *at, part);
    *at += part;
    return part;
}

static enum status read_binary(struct age_input *input, unsigned char *target, size_t size,
                               size_t *got, struct error *error)
{
    *got = take(target, size, input->raw, &input->raw_at, input->raw_size);
    if (*got == size || input->raw_ended) {
        return STATUS_OK;
    }
    size_t wanted = size - *got;
    if (wanted < sizeof(input->raw)) {
        enum status status = fill(input, error);
        *got += take(target + *got, wanted, input->raw, &input->raw_at, input->raw_size);
        return status;
    }
    size_t more = 0;
    enum status status =
        input->supply.read(input->supply.context, target + *got, wanted, &more, error);
    input->raw_ended = more < wanted;
    *got += more;
    return status;
}

enum status age_input_read(struct age_input *input, void *target, size_t size, size_t *got,
                           struct error *error)
{
    *got = 0;
    if (!input->armored) {
        return read_binary(input, target, size, got, error);
    }
    while (*got < size) {
        *got += take((unsigned char *)target + *got, size - *got, input->line, &input->line_at,
                     input->line_size);
        if (*got == size || input->armor_ended) {
            break;
        }
        enum status status = age_armor_next(input, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}
