/* Creating and opening: the right repository with the right keys, or a clear refusal. */
#include "repo_world.h"

static enum status try_open(const struct repo_access *access, struct error *error)
{
    struct repo *repo = NULL;
    enum status status = repo_open(&repo, access, error);
    assert_int_equal(repo != NULL, status == STATUS_OK);
    repo_free(repo);
    return status;
}

static void test_created_whole(void **state)
{
    const struct world *world = *state;
    static const char *const folders[] = {"repository/", "hosts/",      "keys/",  "statements/",
                                          "snapshots/",  "references/", "index/", "packs/00/",
                                          "packs/ff/",   "forgotten/",  "marks/", "register/",
                                          "audit/"};
    for (size_t i = 0; i < LENGTH(folders); i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", world->store, folders[i]);
        assert_int_equal(access(path, F_OK), 0);
    }
    assert_memory_equal(repo_id(world->repo), world->host.repository, REPOSITORY_ID_SIZE);
}

static void test_all_ways_in(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct repo *repo = NULL;
    unsigned char id[OBJECT_ID_SIZE];
    put_statement(id, world, 1, NULL);
    struct repo_access by_identity = identity_access(world);
    assert_good(repo_open(&repo, &by_identity, &error));
    struct snapshot_list list;
    assert_good(repo_list(&list, repo, &error));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].standing, STANDING_TRUSTED);
    snapshot_list_free(&list);
    repo_free(repo);

    by_identity.trusted = NULL;
    assert_good(repo_open(&repo, &by_identity, &error));
    assert_good(repo_list(&list, repo, &error));
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].standing, STANDING_UNPROVED);
    snapshot_list_free(&list);
    repo_free(repo);
}

static void test_wrong_keys(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct repo_access no_key = identity_access(world);
    no_key.identity_count = 0;
    assert_int_equal(try_open(&no_key, &error), STATUS_DENIED);

    struct age_identity stranger;
    assert_good(age_identity_generate(&stranger, &error));
    struct repo_access strange = identity_access(world);
    strange.identities = &stranger;
    assert_int_equal(try_open(&strange, &error), STATUS_DENIED);
    age_identity_free(&stranger);

    struct repo_access distrusted = identity_access(world);
    distrusted.trusted = world->host.signing.public_key;
    assert_int_equal(try_open(&distrusted, &error), STATUS_UNAUTHENTIC);

    unsigned char other[REPOSITORY_ID_SIZE] = {9};
    struct repo_access elsewhere = identity_access(world);
    elsewhere.repository = other;
    assert_int_equal(try_open(&elsewhere, &error), STATUS_UNAUTHENTIC);
    struct repo_access both = host_access(world, &world->host);
    both.repository = other;
    assert_int_equal(try_open(&both, &error), STATUS_UNAUTHENTIC);

    struct host_key second;
    make_host_key(&second, world);
    struct repo_access foreign = host_access(world, &second);
    assert_int_equal(try_open(&foreign, &error), STATUS_UNAUTHENTIC);
    memcpy(second.repository, world->host.repository, REPOSITORY_ID_SIZE);
    assert_int_equal(try_open(&foreign, &error), STATUS_UNAUTHENTIC); /* another secret */
    host_key_free(&second);
}

static void test_nothing_there(void **state)
{
    (void)state;
    struct world world;
    struct error error = {0};
    world_keys(&world);
    struct repo_access access = host_access(&world, &world.host);
    assert_int_equal(try_open(&access, &error), STATUS_NOT_FOUND);
    assert_non_null(strstr(error.hint, "disk mounted"));
    world_end(&world);
}

static void test_never_over_another(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct repo_creation creation = creation_of(world);
    assert_int_equal(repo_create(&creation, &error), STATUS_EXISTS);
    unsigned char id[OBJECT_ID_SIZE];
    char name[OBJECT_NAME_SIZE];
    put_statement(id, world, 1, NULL);
    only_object(name, world, "repository");
    remove_object(world, name);
    assert_int_equal(repo_create(&creation, &error), STATUS_EXISTS);
}

static void test_creation_that_would_lock_out(void **state)
{
    (void)state;
    struct world world;
    struct error error = {0};
    world_keys(&world);
    struct repo_creation creation = creation_of(&world);
    creation.recipient_count = 0;
    assert_int_equal(repo_create(&creation, &error), STATUS_USAGE);
    creation = creation_of(&world);
    creation.recovery = &world.host.signing;
    assert_int_equal(repo_create(&creation, &error), STATUS_USAGE);
    assert_int_equal(count_objects(&world, "."), 0);
    world_end(&world);
}

/* An interrupted creation has no repository/ yet and is done again, with other secrets. */
static void test_creation_again_after_interruption(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    char name[OBJECT_NAME_SIZE];
    only_object(name, world, "repository");
    remove_object(world, name);
    randombytes_buf(world->host.secret, REPOSITORY_SECRET_SIZE);
    struct repo_creation creation = creation_of(world);
    assert_good(repo_create(&creation, &error));
    assert_int_equal(count_objects(world, "keys"), 2);
    struct repo *repo = NULL;
    struct repo_access by_identity = identity_access(world);
    assert_good(repo_open(&repo, &by_identity, &error));
    unsigned char key[SUBKEY_SIZE];
    unsigned char expected[SUBKEY_SIZE];
    repo_subkey(key, repo, "content hash");
    key_derive(expected, world->host.secret, REPOSITORY_SECRET_SIZE, "kura/1 content hash");
    assert_memory_equal(key, expected, SUBKEY_SIZE);
    repo_free(repo);
}

static void test_flips_in_the_first_objects(void **state)
{
    const struct world *world = *state;
    static const char *const folders[] = {"repository", "keys", "hosts"};
    for (size_t i = 0; i < LENGTH(folders); i++) {
        char name[OBJECT_NAME_SIZE];
        struct buffer bytes = {0};
        only_object(name, world, folders[i]);
        read_object(&bytes, world, name);
        for (size_t at = 0; at < bytes.size; at += 7) {
            struct error error = {0};
            flip_byte(world, name, at);
            struct repo *repo = NULL;
            struct repo_access access = identity_access(world);
            enum status status = repo_open(&repo, &access, &error);
            if (i < 2) {
                assert_int_not_equal(status, STATUS_OK);
            } else {
                struct snapshot_list list;
                assert_good(status);
                assert_good(repo_list(&list, repo, &error));
                assert_non_null(find_problem(&list.problems, name));
                assert_non_null(find_problem(&list.problems, "hosts"));
                snapshot_list_free(&list);
            }
            repo_free(repo);
            write_object(world, name, bytes.data, bytes.size);
        }
        buffer_free(&bytes);
    }
}

static void test_junk_beside_the_good_is_named(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    static const char *const names[] = {
        "repository/00000000000000000000000000000000", "repository/notes",
        "hosts/00000000000000000000000000000000", "keys/00000000000000000000000000000000",
        "keys/ffffffffffffffffffffffffffffffff"};
    static char junk[100000];
    memset(junk, 'x', sizeof junk);
    for (size_t i = 0; i < 4; i++) {
        write_object(world, names[i], junk, 300);
    }
    write_object(world, names[4], junk, sizeof junk); /* longer than any of these can be */
    struct repo *repo = NULL;
    struct repo_access access = identity_access(world);
    struct snapshot_list list;
    assert_good(repo_open(&repo, &access, &error));
    assert_good(repo_list(&list, repo, &error));
    for (size_t i = 0; i < LENGTH(names); i++) {
        assert_non_null(find_problem(&list.problems, names[i]));
    }
    assert_int_equal(list.problems.count, LENGTH(names));
    snapshot_list_free(&list);
    repo_free(repo);
}

/* Who can write to the storage seals a secret of his own to our recipients: it is not taken. */
static void test_foreign_secret(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct buffer sealed = {0};
    unsigned char secret[REPOSITORY_SECRET_SIZE] = {7};
    assert_good(age_seal_buffer(&sealed, secret, sizeof secret, &world->identity.recipient, 1, NULL,
                                &error));
    write_object(world, "keys/00000000000000000000000000000000", sealed.data, sealed.size);
    struct repo *repo = NULL;
    struct repo_access access = identity_access(world);
    assert_good(repo_open(&repo, &access, &error));
    unsigned char key[SUBKEY_SIZE];
    unsigned char expected[SUBKEY_SIZE];
    repo_subkey(key, repo, "chunker");
    repo_subkey(expected, world->repo, "chunker");
    assert_memory_equal(key, expected, SUBKEY_SIZE);
    repo_free(repo);
    buffer_free(&sealed);
}

/* Stored by the recovery key itself in the format of a later day. */
static void test_newer_format(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    char name[OBJECT_NAME_SIZE];
    char json[4096];
    struct buffer bytes = {0};
    struct buffer message = {0};
    unsigned char signature[SIGN_SIZE];
    only_object(name, world, "repository");
    read_object(&bytes, world, name);
    snprintf(json, sizeof json, "%.*s", (int)(bytes.size - SIGN_SIZE), bytes.data + SIGN_SIZE);
    char *version = strstr(json, "\"version\":1");
    assert_non_null(version);
    version[10] = '2';
    assert_good(buffer_append(&message, world->host.repository, REPOSITORY_ID_SIZE, &error));
    assert_good(buffer_append_text(&message, json, &error));
    assert_good(
        sign(signature, &world->recovery, "kura/1 repository", message.data, message.size, &error));
    memcpy(bytes.data, signature, SIGN_SIZE);
    memcpy(bytes.data + SIGN_SIZE, json, strlen(json));
    write_object(world, "repository/00000000000000000000000000000000", bytes.data, bytes.size);
    struct repo_access access = host_access(world, &world->host);
    assert_int_equal(try_open(&access, &error), STATUS_UNSUPPORTED);
    assert_non_null(strstr(error.hint, "newer kura"));
    buffer_free(&bytes);
    buffer_free(&message);
}

static void test_many_threads_share_few_connections(void **state)
{
    const struct world *world = *state;
    struct error error = {0};
    struct store *stores[2];
    assert_int_equal(repo_connections(world->repo), 3);
    assert_good(repo_take_store(&stores[0], world->repo, &error));
    assert_good(repo_take_store(&stores[1], world->repo, &error));
    assert_ptr_not_equal(stores[0], stores[1]);
    repo_give_store(world->repo, stores[0]);
    struct store *again = NULL;
    assert_good(repo_take_store(&again, world->repo, &error));
    assert_ptr_equal(again, stores[0]);
    repo_give_store(world->repo, again);
    repo_give_store(world->repo, stores[1]);
    repo_give_store(world->repo, NULL);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_created_whole),
        IN_WORLD(test_all_ways_in),
        IN_WORLD(test_wrong_keys),
        cmocka_unit_test(test_nothing_there),
        IN_WORLD(test_never_over_another),
        cmocka_unit_test(test_creation_that_would_lock_out),
        IN_WORLD(test_creation_again_after_interruption),
        IN_WORLD(test_flips_in_the_first_objects),
        IN_WORLD(test_junk_beside_the_good_is_named),
        IN_WORLD(test_foreign_secret),
        IN_WORLD(test_newer_format),
        IN_WORLD(test_many_threads_share_few_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
