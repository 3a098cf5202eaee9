/* SPDX-License-Identifier: Apache-2.0 */
/* Running the cases of one object: each in a process of its own. */
#ifndef SN_TESTS_BASE_RUN_H
#define SN_TESTS_BASE_RUN_H

#include <check.h>
#include <stdlib.h>

static inline int run_cases(const char *object, TCase *cases)
{
    Suite *suite = suite_create(object);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
