/* register_room: how much of it there can be. Every statement names every entry, so there is an
 * end; it is told before somebody is registered whom no restore would obey. */
#include "register_private.h"

enum status register_check_read(const struct erasure_register *entries, struct error *error)
{
    if (!entries->unread) {
        return STATUS_OK;
    }
    error_set(error, STATUS_CORRUPT, 0, "%s",
              _("the register of erasures could not be read whole, so nobody can say who asked to "
                "be erased"));
    return error_set_hint(error, "%s",
                          _("Whoever runs the storage can remove what does not belong into its "
                            "folder register, and let it be read."));
}

enum status register_check_room(const struct erasure_register *entries, struct error *error)
{
    const size_t count = entries->count + entries->settled_count;
    if (count < ERASURES_LIMIT) {
        return STATUS_OK;
    }
    error_set(error, STATUS_UNSUPPORTED, 0,
              _("the register of erasures is full: it has %zu entries. Nobody was registered"),
              count);
    return error_set_hint(
        error, "%s",
        _("Erase the person in the shop's own program, and begin a new repository "
          "(kura init): whoever is erased there is not in its backups. Do away "
          "with the old one when its snapshots are not needed any more."));
}

void register_ids_limit(struct erasure_ids *ids, size_t limit, struct problems *problems)
{
    struct error problem = {0};
    if (ids->count <= limit) {
        return;
    }
    error_set(
        &problem, STATUS_UNSUPPORTED, 0,
        _("the register has %zu entries, and a snapshot can swear to %zu: the others could be "
          "removed unseen"),
        ids->count, limit);
    error_set_hint(&problem, "%s",
                   _("kura registers fewer: a host key may be stolen. kura restore --verbose names "
                     "the host of each; kura host revoke lets nobody believe it any more."));
    problems_add_folder(problems, object_folder(OBJECT_REGISTER), &problem);
    ids->count = limit;
}
