// room: carry
/* Any bytes on the gate's socket: messages one after the other until the connection ends. */
#include "../../src/carry/gate_message.h"
#include "fuzz.h"
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ends[2];
    fuzz_start();
    if (size > 100000) { /* more than the socket holds would block */
        return 0;
    }
    fuzz_must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    fuzz_must(send(ends[0], data, size, 0) == (ssize_t)size);
    fuzz_must(shutdown(ends[0], SHUT_WR) == 0);
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        struct gate_message message;
        struct error error = {0};
        status = gate_receive(&message, ends[1], &error);
        if (status == STATUS_OK) {
            struct error taken = {0};
            fuzz_must(json_is_object(message.json) && message.fds[0] == -1);
            fuzz_must(gate_error_take(message.json, &taken) == taken.status);
            gate_message_free(&message);
        }
    }
    close(ends[0]);
    close(ends[1]);
    return 0;
}
