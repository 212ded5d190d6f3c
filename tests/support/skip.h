/* A test that this machine cannot run says why; scripts/test names it at its end. What the packages
 * of scripts/install-packages provide is no reason: without them a test fails. */
#ifndef KURA_TESTS_SKIP_H
#define KURA_TESTS_SKIP_H

#define SKIP_BECAUSE(reason)                                                                       \
    do {                                                                                           \
        print_message("skipped: %s\n", reason);                                                    \
        skip();                                                                                    \
    } while (0)

#endif
