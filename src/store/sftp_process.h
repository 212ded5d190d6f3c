/* sftp_process: runs ssh as a helper, never through a shell. */
#ifndef STORE_SFTP_PROCESS_H
#define STORE_SFTP_PROCESS_H

#include "kura/base.h"

/* Runs the program and collects its standard output, or, if it fails, its standard error, at most
 * 64 KiB. *code is its exit code. STATUS_NOT_FOUND if it is not installed, STATUS_UNREACHABLE if it
 * does not end in time. */
MUST_USE enum status sftp_process_capture(struct buffer *output, int *code,
                                          const char *const argv[], unsigned deadline_seconds,
                                          struct error *error);

/* A running program whose standard input and output are one socket. */
struct sftp_process {
    pid_t pid;
    int socket; /* belongs to the caller */
    int errors; /* its standard error, non-blocking */
};

MUST_USE enum status sftp_process_start(struct sftp_process *process, const char *const argv[],
                                        struct error *error);
/* Kills and collects it; leaves the socket alone. */
void sftp_process_end(struct sftp_process *process);
/* The last line that it wrote to standard error, or "". */
void sftp_process_complaint(const struct sftp_process *process, char *target, size_t size);

#endif
