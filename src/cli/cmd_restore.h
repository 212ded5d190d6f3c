/* cmd_restore: what its two ways, into a folder and into a database, share. */
#ifndef KURA_CMD_RESTORE_H
#define KURA_CMD_RESTORE_H

#include "cli_register.h"
#include "cli_road.h"

/* Both ways: the view is open, and its origin proved as far as the user wants it; `obeyed` says who
 * does not come back; fresh: the head code proved that nothing newer is hidden. */
MUST_USE enum status cmd_restore_into_folder(struct cli_road *road, struct cli_view *view,
                                             const struct cli_register *obeyed, bool fresh,
                                             struct error *error);
MUST_USE enum status cmd_restore_into_database(struct cli_road *road, struct cli_view *view,
                                               const struct cli_register *obeyed, bool fresh,
                                               struct error *error);

#endif
