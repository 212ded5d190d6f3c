/* sealed_stream: a local file that is written once from front to back, and read so, sealed with
 * libsodium's secretstream in blocks of 64 KiB. A file that was cut short does not read to its end.
 */
#ifndef BACKUP_SEALED_STREAM_H
#define BACKUP_SEALED_STREAM_H

#include "kura/base.h"

struct sealed_output;
MUST_USE enum status sealed_output_open(struct sealed_output **output, const char *path,
                                        const unsigned char key[32], struct error *error);
MUST_USE enum status sealed_output_write(struct sealed_output *output, const void *data,
                                         size_t size, struct error *error);
/* Writes the last block and fsyncs. */
MUST_USE enum status sealed_output_finish(struct sealed_output *output, struct error *error);
void sealed_output_free(struct sealed_output *output);

struct sealed_input;
MUST_USE enum status sealed_input_open(struct sealed_input **input, const char *path,
                                       const unsigned char key[32], struct error *error);
/* Exactly `size` bytes, or STATUS_CORRUPT; at the proper end of the file *got is false and nothing
 * is read. */
MUST_USE enum status sealed_input_read(struct sealed_input *input, void *target, size_t size,
                                       bool *got, struct error *error);
void sealed_input_free(struct sealed_input *input);

#endif
