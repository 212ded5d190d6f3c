/* Whether the server is who it was: against a real sshd, with every kind of line in known_hosts.
 * And servers with which nothing can be agreed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/sftp.h"

static struct sshd sshd;
static struct error error;

static int start(void **state)
{
    (void)state;
    sshd_prepare(&sshd);
    sshd_start(&sshd, SSHD_ORDINARY);
    sshd_shell("cd %s && ssh-keygen -q -t ed25519 -N '' -f other", sshd.folder);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    sshd_remove(&sshd);
    return 0;
}

/* Makes known_hosts from shell commands that may use $KEY (the true ed25519 key), $ECDSA, $OTHER
 * (a wrong key) and $PORT, and connects with it. */
static enum status with_lines(const char *commands)
{
    sshd_shell("cd %s && PORT=%u && KEY=$(cut -d' ' -f1,2 host_ed25519.pub) && "
               "ECDSA=$(cut -d' ' -f1,2 host_ecdsa.pub) && OTHER=$(cut -d' ' -f1,2 other.pub) && "
               "{ %s ; } > lines",
               sshd.folder, sshd.port, commands);
    char lines[128];
    snprintf(lines, sizeof lines, "%s/lines", sshd.folder);
    return sftp_try(&sshd,
                    (struct store_options){.identity_file = sshd.identity, .known_hosts = lines},
                    &error);
}

#define GOOD "echo \"[127.0.0.1]:$PORT $KEY\""

static void accepts_what_is_known(void **state)
{
    (void)state;
    const char *const good[] = {
        GOOD,
        "echo \"[127.0.0.1]:$PORT $ECDSA\"",
        "echo \"example.org,[127.0.0.*]:$PORT $KEY a comment\"",
        "echo \"[127.0.0.?]:$PORT,[::1]:$PORT $KEY\"",
        "echo \"   [127.0.0.1]:$PORT \t $KEY\"",
        "printf '[127.0.0.1]:%s %s\\r\\n' $PORT \"$KEY\"",
        "printf '[127.0.0.1]:%s %s' $PORT \"$KEY\"",
        "echo \"[127.0.0.1]:$PORT $OTHER\"; " GOOD,
        "echo \"@revoked * $OTHER\"; " GOOD,
        "echo \"@cert-authority * $OTHER\"; " GOOD,
    };
    for (size_t i = 0; i < LENGTH(good); i++) {
        sftp_expect(STATUS_OK, with_lines(good[i]), &error, NULL);
    }
    sshd_shell("cd %s && cp known_hosts hashed && ssh-keygen -q -H -f hashed 2>/dev/null && "
               "grep -q '^|1|' hashed",
               sshd.folder);
    sftp_expect(STATUS_OK, with_lines("cat hashed"), &error, NULL);
}

static void bad_lines_hide_nothing(void **state)
{
    (void)state;
    const char *const good[] = {
        "echo garbage; " GOOD,
        "echo '@revoked'; echo '@nonsense a b c'; echo '|1|x|y ssh-ed25519 AAAA'; " GOOD,
        "echo '|1|'; echo '|1||| a b'; echo \"[127.0.0.1]:$PORT ssh-ed25519 AAA!\"; " GOOD,
        "echo \"[127.0.0.1]:$PORT ssh-ed25519\"; echo \"[127.0.0.1]:$PORT\"; " GOOD,
        "head -c 100000 /dev/zero | tr '\\0' x; echo; " GOOD,
        "printf 'h ssh-ed25519 '; head -c 30000 /dev/zero | tr '\\0' A; echo; " GOOD,
        "printf 'a\\0b\\n'; " GOOD,
        "echo \"[127.0.0.1]:$PORT ssh-rsa ${KEY#* }\"; " GOOD,
    };
    for (size_t i = 0; i < LENGTH(good); i++) {
        sftp_expect(STATUS_OK, with_lines(good[i]), &error, NULL);
    }
}

static void refuses_an_unknown_host(void **state)
{
    (void)state;
    const char *const unknown[] = {
        ":",
        "echo \"127.0.0.1 $KEY\"",
        "echo \"[127.0.0.1]:1 $KEY\"",
        "echo \"[127.0.0.1]:$PORT,![127.0.0.*]:$PORT $KEY\"",
        "echo \"# [127.0.0.1]:$PORT $KEY\"",
        "echo \"@cert-authority * $KEY\"",
        "echo \"[127.0.0.2]:$PORT $KEY\"",
    };
    for (size_t i = 0; i < LENGTH(unknown); i++) {
        sftp_expect(STATUS_UNAUTHENTIC, with_lines(unknown[i]), &error, "ssh-keyscan -p");
    }
    sshd_shell("rm -f %s/lines", sshd.folder);
    sftp_expect(STATUS_UNAUTHENTIC,
                sftp_try(&sshd,
                         (struct store_options){.identity_file = sshd.identity,
                                                .known_hosts = "/tmp/kura-no-such-file"},
                         &error),
                &error, "not known");
}

static void refuses_a_changed_or_revoked_key(void **state)
{
    (void)state;
    sftp_expect(STATUS_UNAUTHENTIC, with_lines("echo \"[127.0.0.1]:$PORT $OTHER\""), &error,
                "ssh-keygen -f");
    sftp_expect(STATUS_UNAUTHENTIC, with_lines("echo \"@revoked * $KEY\"; " GOOD), &error,
                "revoked");
    sftp_expect(STATUS_UNAUTHENTIC, with_lines(GOOD "; echo \"@revoked [127.0.0.1]:$PORT $KEY\""),
                &error, "revoked");
    /* Nothing was sent before: no login was tried. */
    sshd_shell("> %s/log", sshd.folder);
    sftp_expect(STATUS_UNAUTHENTIC, with_lines("echo \"[127.0.0.1]:$PORT $OTHER\""), &error,
                "changed");
    sshd_sleep(50);
    sshd_shell("! grep -q 'Accepted\\|Failed\\|publickey' %s/log", sshd.folder);
}

static void holds_to_a_pinned_key(void **state)
{
    (void)state;
    struct store_options options = {.identity_file = sshd.identity,
                                    .known_hosts = sshd.known_hosts};
    struct buffer line = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/host_ecdsa.pub", sshd.folder);
    assert_int_equal(STATUS_OK, file_read(&line, path, 1000, &error));
    assert_int_equal(STATUS_OK, buffer_append_u8(&line, 0, &error));
    options.pinned_host_key = (const char *)line.data;
    sftp_expect(STATUS_OK, sftp_try(&sshd, options, &error), &error, NULL);
    buffer_clear(&line);
    snprintf(path, sizeof path, "%s/other.pub", sshd.folder);
    assert_int_equal(STATUS_OK, file_read(&line, path, 1000, &error));
    assert_int_equal(STATUS_OK, buffer_append_u8(&line, 0, &error));
    options.pinned_host_key = (const char *)line.data;
    sftp_expect(STATUS_UNAUTHENTIC, sftp_try(&sshd, options, &error), &error, "pinned");
    options.pinned_host_key = "ssh-ed25519";
    sftp_expect(STATUS_USAGE, sftp_try(&sshd, options, &error), &error, "malformed");
    buffer_free(&line);
}

static void with_server(const char *lines, const char *host_key, const char *text)
{
    char config[512];
    snprintf(config, sizeof config, "%sHostKey %s/%s\n", lines, sshd.folder, host_key);
    sshd_stop(&sshd);
    sshd_start(&sshd, config);
    sftp_expect(STATUS_UNSUPPORTED,
                sftp_try(&sshd,
                         (struct store_options){.identity_file = sshd.identity,
                                                .known_hosts = sshd.known_hosts},
                         &error),
                &error, text);
}

static void names_what_cannot_be_agreed(void **state)
{
    (void)state;
    with_server(SSHD_ORDINARY "Ciphers aes256-gcm@openssh.com,chacha20-poly1305@openssh.com\n",
                "host_ed25519", "add aes128-ctr");
    with_server(SSHD_ORDINARY "MACs hmac-sha2-256-etm@openssh.com\n", "host_ed25519",
                "add hmac-sha2-256");
    with_server(SSHD_ORDINARY "KexAlgorithms sntrup761x25519-sha512@openssh.com\n", "host_ed25519",
                "add curve25519-sha256");
    sshd_shell("cd %s && ssh-keygen -q -t rsa -b 2048 -N '' -f host_rsa", sshd.folder);
    with_server(SSHD_ORDINARY, "host_rsa", "ed25519 host key");
    with_server("", "host_ed25519", "SFTP");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_is_known),
        cmocka_unit_test(bad_lines_hide_nothing),
        cmocka_unit_test(refuses_an_unknown_host),
        cmocka_unit_test(refuses_a_changed_or_revoked_key),
        cmocka_unit_test(holds_to_a_pinned_key),
        cmocka_unit_test(names_what_cannot_be_agreed),
    };
    if (base_start(&error) != STATUS_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, start, stop);
}
