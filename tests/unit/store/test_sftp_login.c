/* Logging in: every kind of key that works, and what is said of those that do not; ssh-agent,
 * ssh_config and a jump host. */
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
    unsetenv("SSH_AUTH_SOCK");
    sshd_prepare(&sshd);
    sshd_start(&sshd, SSHD_ORDINARY);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    sshd_remove(&sshd);
    return 0;
}

/* Makes a key with these words to ssh-keygen and allows it to log in. */
static void make_key(const char *name, const char *words)
{
    sshd_shell("cd %s && ssh-keygen -q -f %s %s && cat %s.pub >> authorized_keys", sshd.folder,
               name, words, name);
}

static enum status log_in(const char *name, const char *passphrase)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", sshd.folder, name);
    struct secret_text secret = {0};
    struct store_options options = {.identity_file = path, .known_hosts = sshd.known_hosts};
    if (passphrase != NULL) {
        assert_int_equal(STATUS_OK, secret_text_new(&secret, 64, &error));
        assert_int_equal(STATUS_OK,
                         secret_text_append(&secret, passphrase, strlen(passphrase), &error));
        options.login_passphrase = &secret;
    }
    enum status status = sftp_try(&sshd, options, &error);
    secret_text_free(&secret);
    return status;
}

static void takes_good_keys(void **state)
{
    (void)state;
    make_key("ecdsa", "-t ecdsa -N ''");
    make_key("ecdsa521", "-t ecdsa -b 521 -N ''");
    make_key("pem", "-t ecdsa -m PEM -N ''");
    make_key("pkcs8", "-t ecdsa -m PKCS8 -N ''");
    make_key("ctr", "-t ed25519 -N secret -a 4");
    make_key("cbc", "-t ed25519 -N secret -a 4 -Z aes256-cbc");
    make_key("ecdsa_ctr", "-t ecdsa -N secret -a 4");
    sftp_expect(STATUS_OK, log_in("user_ed25519", NULL), &error, NULL);
    sftp_expect(STATUS_OK, log_in("ecdsa", NULL), &error, NULL);
    sftp_expect(STATUS_OK, log_in("ecdsa521", NULL), &error, NULL);
    sftp_expect(STATUS_OK, log_in("pem", NULL), &error, NULL);
    sftp_expect(STATUS_OK, log_in("pkcs8", NULL), &error, NULL);
    sftp_expect(STATUS_OK, log_in("ctr", "secret"), &error, NULL);
    sftp_expect(STATUS_OK, log_in("cbc", "secret"), &error, NULL);
    sftp_expect(STATUS_OK, log_in("ecdsa_ctr", "secret"), &error, NULL);
    sftp_expect(STATUS_OK, log_in("user_ed25519", "not needed"), &error, NULL);
}

static void says_why_a_key_fails(void **state)
{
    (void)state;
    sftp_expect(STATUS_UNAUTHENTIC, log_in("ctr", "wrong"), &error, "passphrase");
    sftp_expect(STATUS_UNAUTHENTIC, log_in("ctr", NULL), &error, "no passphrase was given");
    sftp_expect(STATUS_UNAUTHENTIC, log_in("ecdsa_ctr", "wrong"), &error, "passphrase");
    make_key("gcm", "-t ed25519 -N secret -a 4 -Z aes256-gcm@openssh.com");
    make_key("chacha", "-t ed25519 -N secret -a 4 -Z chacha20-poly1305@openssh.com");
    sftp_expect(STATUS_UNSUPPORTED, log_in("gcm", "secret"), &error, "-Z aes256-ctr");
    sftp_expect(STATUS_UNSUPPORTED, log_in("chacha", "secret"), &error, "-Z aes256-ctr");
    make_key("rsa", "-t rsa -b 2048 -N ''");
    make_key("rsa_pem", "-t rsa -b 2048 -m PEM -N ''");
    sftp_expect(STATUS_UNSUPPORTED, log_in("rsa", NULL), &error, "ssh-keygen -t ed25519");
    sftp_expect(STATUS_UNSUPPORTED, log_in("rsa_pem", NULL), &error, "ssh-keygen -t ed25519");
    sshd_shell("cd %s && ssh-keygen -q -t ed25519 -N '' -f stranger", sshd.folder);
    sftp_expect(STATUS_DENIED, log_in("stranger", NULL), &error, "authorized_keys");
    sftp_expect(STATUS_USAGE, log_in("absent", NULL), &error, "not there");
    sftp_expect(STATUS_CORRUPT, log_in("ecdsa.pub", NULL), &error, ".pub");
    sshd_shell("cd %s && head -c 200 user_ed25519 > cut && "
               "sed 's/b3BlbnNzaC1rZXktdjEA/AAAAAAAAAAAAAAAAAAAA/' user_ed25519 > bent && "
               "{ head -n 2 user_ed25519; tail -n 1 user_ed25519; } > short",
               sshd.folder);
    sftp_expect(STATUS_CORRUPT, log_in("cut", NULL), &error, NULL);
    sftp_expect(STATUS_CORRUPT, log_in("bent", NULL), &error, NULL);
    sftp_expect(STATUS_CORRUPT, log_in("short", NULL), &error, NULL);
}

static void takes_a_key_made_from_a_seed(void **state)
{
    (void)state;
    unsigned char seed[32];
    char line[128];
    char again[128];
    memset(seed, 7, sizeof seed);
    struct secret_text key = {0};
    struct secret_text other = {0};
    assert_int_equal(STATUS_OK, store_login_key(&key, line, seed, &error));
    assert_int_equal(STATUS_OK, store_login_key(&other, again, seed, &error));
    assert_string_equal(line, again);
    assert_string_equal(key.text, other.text);
    struct store_options options = {.login_key = &key, .known_hosts = sshd.known_hosts};
    sftp_expect(STATUS_DENIED, sftp_try(&sshd, options, &error), &error, NULL);
    sshd_shell("echo '%s' >> %s/authorized_keys", line, sshd.folder);
    sftp_expect(STATUS_OK, sftp_try(&sshd, options, &error), &error, NULL);
    /* OpenSSH reads it, and finds the same public key. */
    char path[128];
    snprintf(path, sizeof path, "%s/seeded", sshd.folder);
    assert_int_equal(STATUS_OK,
                     file_write(path, key.text, key.size, 0600, FILE_KEEP_EXISTING, &error));
    sshd_shell("test \"$(ssh-keygen -y -f %s)\" = '%s'", path, line);
    secret_text_free(&key);
    secret_text_free(&other);
}

static void asks_the_agent(void **state)
{
    (void)state;
    char agent[128];
    snprintf(agent, sizeof agent, "%s/agent", sshd.folder);
    sshd_shell("cd %s && ssh-agent -a %s > agent.sh && . ./agent.sh > agent.out", sshd.folder,
               agent);
    setenv("SSH_AUTH_SOCK", agent, 1);
    /* No key file of the person who runs this test gets in the way. */
    char config[128];
    snprintf(config, sizeof config, "%s/no_files", sshd.folder);
    sshd_shell("echo 'IdentityFile /tmp/kura-no-such-key' > %s", config);
    struct store_options options = {.known_hosts = sshd.known_hosts, .ssh_config = config};
    enum status empty = sftp_try(&sshd, options, &error);
    sshd_shell("ssh-add -q %s/rsa", sshd.folder);
    struct error rsa_error = {0};
    enum status rsa = sftp_try(&sshd, options, &rsa_error);
    sshd_shell("ssh-add -q %s/stranger %s/ecdsa", sshd.folder, sshd.folder);
    struct error good_error = {0};
    enum status good = sftp_try(&sshd, options, &good_error);
    sshd_shell("cd %s && . ./agent.sh > agent.out && ssh-agent -k > agent.out", sshd.folder);
    struct error gone_error = {0};
    enum status gone = sftp_try(&sshd, options, &gone_error);
    unsetenv("SSH_AUTH_SOCK");
    sftp_expect(STATUS_DENIED, empty, &error, NULL);
    sftp_expect(STATUS_UNSUPPORTED, rsa, &rsa_error, "ssh-keygen -t ed25519");
    sftp_expect(STATUS_OK, good, &good_error, NULL);
    sftp_expect(STATUS_DENIED, gone, &gone_error, NULL);
}

/* An agent that accepts and never answers must not hold us. */
static void waits_for_no_dumb_agent(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/dumb", sshd.folder);
    sshd_shell("python3 -c \"import socket,os,time\ns=socket.socket(socket.AF_UNIX)\n"
               "s.bind('%s')\ns.listen(9)\n"
               "os.fork() and os._exit(0)\nos.close(1);os.close(2)\ntime.sleep(30)\n\"",
               path);
    setenv("SSH_AUTH_SOCK", path, 1);
    struct store_options options = {
        .known_hosts = sshd.known_hosts, .deadline_seconds = 1, .ssh_config = "none"};
    double before = clock_monotonic();
    enum status status = sftp_try(&sshd, options, &error);
    unsetenv("SSH_AUTH_SOCK");
    assert_int_not_equal(status, STATUS_OK);
    assert_true(clock_monotonic() - before < 15);
}

static void honours_ssh_config_and_jumps(void **state)
{
    (void)state;
    struct sshd jump;
    sshd_prepare(&jump);
    sshd_start(&jump, "AllowTcpForwarding yes\n");
    char config[128];
    char url[256];
    snprintf(config, sizeof config, "%s/config", sshd.folder);
    snprintf(url, sizeof url, "sftp://backup-place%s", sshd.data);
    FILE *file = fopen(config, "w");
    assert_non_null(file);
    fprintf(file,
            "Host backup-place\n HostName 127.0.0.1\n Port %u\n User %s\n IdentityFile %s\n"
            " IdentitiesOnly yes\n UserKnownHostsFile %s\n ProxyJump jump-place\n"
            "Host jump-place\n HostName 127.0.0.1\n Port %u\n User %s\n IdentityFile %s\n"
            " UserKnownHostsFile %s\n",
            sshd.port, sshd.user, sshd.identity, sshd.known_hosts, jump.port, jump.user,
            jump.identity, jump.known_hosts);
    fclose(file);
    struct store_options options = {.url = url, .ssh_config = config};
    enum status good = sftp_try(&sshd, options, &error);
    struct error good_error = error;
    sshd_shell("grep -q 'Accepted publickey' %s/log", jump.folder);
    sshd_stop(&jump);
    options.retry_seconds = 1;
    enum status gone = sftp_try(&sshd, options, &error);
    sshd_remove(&jump);
    sftp_expect(STATUS_OK, good, &good_error, NULL);
    sftp_expect(STATUS_UNREACHABLE, gone, &error, "jump host");
    sshd_shell("printf 'Host *\\nProxyCommand nc %%%%h %%%%p\\n' > %s", config);
    sftp_expect(STATUS_UNSUPPORTED, sftp_try(&sshd, options, &error), &error, "ProxyJump");
    sshd_shell("echo 'Nonsense here' > %s", config);
    sftp_expect(STATUS_USAGE, sftp_try(&sshd, options, &error), &error, "onsense");
}

static void refuses_bad_addresses(void **state)
{
    (void)state;
    const char *const bad[] = {
        "sftp://",          "sftp://host",        "sftp:///folder",  "sftp://-oProxy=x/f",
        "sftp://-l@h/f",    "sftp://u:pw@host/f", "sftp://host:0/f", "sftp://host:65536/f",
        "sftp://host:x/f",  "sftp://host:/f",     "sftp://[::1/f",   "sftp://[::1]x/f",
        "sftp://h%41/f",    "sftp://u@h/%zz",     "sftp://u@h/%00",  "sftp://@h/f",
        "sftp://$(id)@h/f", "sftp://u@`id`/f",    "s3://bucket/f",   "",
        "file://host/f",
    };
    for (size_t i = 0; i < LENGTH(bad); i++) {
        sftp_expect(STATUS_USAGE, sftp_try(&sshd, (struct store_options){.url = bad[i]}, &error),
                    &error, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_good_keys),
        cmocka_unit_test(says_why_a_key_fails),
        cmocka_unit_test(takes_a_key_made_from_a_seed),
        cmocka_unit_test(asks_the_agent),
        cmocka_unit_test(waits_for_no_dumb_agent),
        cmocka_unit_test(honours_ssh_config_and_jumps),
        cmocka_unit_test(refuses_bad_addresses),
    };
    if (base_start(&error) != STATUS_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, start, stop);
}
