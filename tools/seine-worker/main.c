/* SPDX-License-Identifier: Apache-2.0 */
/* seine-worker: samples for a loader in another process. All of it is in the library, so that the two
 * are of one version. */
#include "seine/types.h"
#include "seine/worker.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { NOT_STARTED = 2 };

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("seine-worker %s\n", sn_version_string());
        return 0;
    }
    /* The terminal's signals are for the program that the user sees; it ends this one. */
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    int code = sn_worker_main();
    if (code == NOT_STARTED)
        fprintf(stderr, "seine-worker: is started by a loader, not by hand\n");
    return code;
}
