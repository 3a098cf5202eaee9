/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that a process of a test is refused. */
#ifndef SEINE_TESTS_LOADER_ENV_REFUSE_H
#define SEINE_TESTS_LOADER_ENV_REFUSE_H

/* From now on memfd_create fails with `error` in this thread and whatever it starts. */
void refuse_memfd(int error);

#endif
