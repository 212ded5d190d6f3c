/* device_tree: makes a recorded sysfs, mountinfo and device folder out of a few lines.
 *
 * One line is one device, its folder beneath /sys/devices first:
 *     pci0000:00/usb1/1-2 :usb idVendor=0951 serial=X
 * ":usb" is its subsystem; "name=value" an attribute ('~' is a blank); "name@path" a link to that
 * device. With dev=8:16 it also appears in dev/block and class/block; slaves=sda1,sdb1 are block
 * devices that stand further up. "/fs/btrfs/UUID/devices sda@pci…/sda" is a folder outside of
 * devices. */
#ifndef TESTS_DEVICE_TREE_H
#define TESTS_DEVICE_TREE_H

#include "kura/medium.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct device_tree {
    char folder[32];
    char sysfs[64], mountinfo[64], devfs[64], udev[64];
    struct place_roots roots;
};

static void tree_folder(const char *path)
{
    struct error error;
    if (file_make_folders(path, 0700, &error) != STATUS_OK) {
        fail_msg("%s", error.message);
    }
}

static void tree_file(const char *folder, const char *name, const char *content)
{
    char path[2048];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    assert_int_equal(fclose(file), 0);
}

static void tree_link(const char *folder, const char *name, const char *target)
{
    char path[2048];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    tree_folder(folder);
    if (symlink(target, path) != 0) {
        fail_msg("cannot link %s", path);
    }
}

/* A link in `folder` (relative to the sysfs) to `target` (the same), as relative as sysfs's own. */
static void tree_fact_link(const struct device_tree *tree, const char *folder, const char *name,
                           const char *target)
{
    char full[1024];
    char link[1024] = "../";
    for (const char *at = folder; *at != '\0'; at++) {
        if (*at == '/') {
            memcpy(link + strlen(link), "../", 4);
        }
    }
    snprintf(link + strlen(link), sizeof link - strlen(link), "%s", target);
    snprintf(full, sizeof full, "%s/%s", tree->sysfs, folder);
    tree_link(full, name, link);
}

static void tree_slaves(const struct device_tree *tree, const char *device, char *names)
{
    char *left = NULL;
    char folder[1024];
    char path[1024];
    snprintf(folder, sizeof folder, "%s/slaves", device);
    for (char *name = strtok_r(names, ",", &left); name != NULL;
         name = strtok_r(NULL, ",", &left)) {
        char link[1024];
        snprintf(path, sizeof path, "%s/class/block/%s", tree->sysfs, name);
        ssize_t size = readlink(path, link, sizeof link - 1);
        link[size < 0 ? 0 : size] = '\0';
        /* "../../devices/…" */
        tree_fact_link(tree, folder, name, size < 0 ? "devices/nowhere" : link + 6);
    }
}

static void tree_attribute(const struct device_tree *tree, const char *device, char *word)
{
    char folder[1024];
    char *equals = strchr(word, '=');
    char *at = strchr(word, '@');
    snprintf(folder, sizeof folder, "%s/%s", tree->sysfs, device);
    if (*word == ':') {
        char subsystem[64];
        snprintf(subsystem, sizeof subsystem, "bus/%s", word + 1);
        tree_fact_link(tree, device, "subsystem", subsystem);
    } else if (equals == NULL && at != NULL) {
        char target[512];
        *at = '\0';
        snprintf(target, sizeof target, "devices/%s", at + 1);
        tree_fact_link(tree, device, word, target);
    } else if (equals != NULL && strncmp(word, "slaves=", 7) == 0) {
        tree_slaves(tree, device, equals + 1);
    } else if (equals != NULL) {
        char content[512];
        char name[128];
        char nested[2048];
        *equals = '\0';
        snprintf(name, sizeof name, "%s", word);
        snprintf(content, sizeof content, "%s\n", equals + 1);
        for (char *blank = content; (blank = strchr(blank, '~')) != NULL;) {
            *blank = ' ';
        }
        char *slash = strchr(name, '/'); /* "loop/backing_file" */
        if (slash != NULL) {
            *slash = '\0';
            snprintf(nested, sizeof nested, "%s/%s", folder, name);
            tree_folder(nested);
            *slash = '/';
        }
        tree_file(folder, name, content);
        if (strcmp(name, "dev") == 0) {
            tree_fact_link(tree, "dev/block", equals + 1, device);
            tree_fact_link(tree, "class/block", strrchr(device, '/') + 1, device);
        }
    }
}

static void tree_add(const struct device_tree *tree, const char *lines)
{
    char *copy = strdup(lines);
    char *lines_left = NULL;
    assert_non_null(copy);
    for (char *line = strtok_r(copy, "\n", &lines_left); line != NULL;
         line = strtok_r(NULL, "\n", &lines_left)) {
        char device[512];
        char full[1024];
        char *left = NULL;
        char *word = strtok_r(line, " ", &left);
        snprintf(device, sizeof device, "%s%s", *word == '/' ? "" : "devices/",
                 word + (*word == '/'));
        snprintf(full, sizeof full, "%s/%s", tree->sysfs, device);
        tree_folder(full);
        while ((word = strtok_r(NULL, " ", &left)) != NULL) {
            tree_attribute(tree, device, word);
        }
    }
    free(copy);
}

static void tree_begin(struct device_tree *tree)
{
    *tree = (struct device_tree){.folder = "/tmp/kura-test-XXXXXX"};
    assert_non_null(mkdtemp(tree->folder));
    snprintf(tree->sysfs, sizeof tree->sysfs, "%s/sys", tree->folder);
    snprintf(tree->mountinfo, sizeof tree->mountinfo, "%s/mountinfo", tree->folder);
    snprintf(tree->devfs, sizeof tree->devfs, "%s/dev", tree->folder);
    snprintf(tree->udev, sizeof tree->udev, "%s/udev", tree->folder);
    tree_folder(tree->sysfs);
    tree_folder(tree->udev);
    tree_folder(tree->devfs);
    tree->roots = (struct place_roots){tree->sysfs, tree->mountinfo, tree->devfs, tree->udev};
}

static void tree_mounts(const struct device_tree *tree, const char *lines)
{
    tree_file(tree->folder, "mountinfo", lines);
}

static void tree_end(const struct device_tree *tree)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", tree->folder);
    assert_int_equal(system(command), 0);
}

#endif
