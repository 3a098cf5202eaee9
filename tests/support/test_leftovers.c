/* SPDX-License-Identifier: Apache-2.0 */
/* Each kind of leftover is found where it was left, and nothing else is. */
#include "base/run.h"
#include "support/leftovers.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void expect(const char *what)
{
    const char *left = leftovers_now();
    ck_assert_msg(strstr(left, what) != NULL, "'%s' is not in '%s'", what, left);
}

/* Within the grace: threads and processes end a moment after they were waited for. */
static void expect_nothing(void)
{
    const char *left = "";
    for (int i = 0; i < 1000 && (left = leftovers_now())[0] != '\0'; i++)
        usleep(5000);
    ck_assert_str_eq(left, "");
}

START_TEST(nothing_is_left_by_a_test_that_cleans_up)
{
    expect_nothing();
    ck_assert_int_eq(leftovers_count_processes(), 0);
}
END_TEST

START_TEST(descriptors_are_found_by_number_and_target)
{
    char what[64];
    int fd = open("/dev/null", O_RDONLY);
    (void)snprintf(what, sizeof what, "descriptor %d: /dev/null\n", fd);
    expect(what);
    close(fd);
    expect_nothing();
}
END_TEST

START_TEST(descriptor_that_was_there_and_is_closed_is_told)
{
    int fd = open("/dev/null", O_RDONLY);
    leftovers_accept();
    close(fd);
    expect(": /dev/null: is gone\n");
    ck_assert_int_eq(open("/dev/null", O_RDONLY), fd);
    expect_nothing();
    close(fd);
    leftovers_accept();
}
END_TEST

START_TEST(memory_files_are_found_as_descriptors_and_as_mappings)
{
    int fd = memfd_create("seine-lane", MFD_CLOEXEC);
    ck_assert_int_eq(ftruncate(fd, 4096), 0);
    void *base = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    expect("/memfd:seine-lane (deleted)\n");
    close(fd);
    expect("mapping ");
    munmap(base, 4096);
    expect_nothing();
}
END_TEST

static void *wait_for_byte(void *from)
{
    char byte;
    ssize_t bytes = read(*(int *)from, &byte, 1);
    (void)bytes;
    return NULL;
}

START_TEST(threads_are_found)
{
    pthread_t thread;
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    leftovers_accept();
    pthread_create(&thread, NULL, wait_for_byte, &ends[0]);
    expect("thread ");
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    expect(": is gone\n");
    leftovers_accept();
}
END_TEST

START_TEST(children_are_found_running_and_dead)
{
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    expect(", child of ");
    ck_assert_int_eq(leftovers_count_processes(), 1);
    kill(child, SIGKILL);
    siginfo_t info;
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    expect("state Z");
    waitpid(child, NULL, 0);
    expect_nothing();
}
END_TEST

/* `how` runs in a child, which ends; what it started is an orphan then. */
static void orphan(void (*how)(void))
{
    pid_t child = fork();
    if (child == 0) {
        if (fork() == 0)
            how();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

static void stay_for_a_second(void)
{
    sleep(1);
    _exit(0);
}

static void leave_the_group(void)
{
    setsid();
    execl("/bin/sleep", "sleep", "1", (char *)NULL);
    _exit(1);
}

START_TEST(orphans_are_found_by_the_group)
{
    orphan(stay_for_a_second);
    expect("process ");
    expect_nothing();
}
END_TEST

START_TEST(orphans_of_another_group_are_found_by_the_environment)
{
    orphan(leave_the_group);
    for (int i = 0; i < 200 && strstr(leftovers_now(), "(sleep, ") == NULL; i++)
        usleep(1000); /* until it is another program */
    expect("(sleep, ");
    expect_nothing();
}
END_TEST

START_TEST(shared_memory_with_a_name_is_found)
{
    char name[64];
    (void)snprintf(name, sizeof name, "/seine-leftovers-test-%d", (int)getpid());
    int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    expect("file /dev/shm/seine-leftovers-test-");
    shm_unlink(name);
    expect_nothing();
}
END_TEST

START_TEST(memory_of_system_v_is_found)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    if (id < 0)
        return; /* not on this system */
    expect("SysV memory");
    shmctl(id, IPC_RMID, NULL);
    expect_nothing();
}
END_TEST

START_TEST(abstract_sockets_are_found)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    (void)snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "seine-test-%d", (int)getpid());
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    expect("socket @seine-test-");
    close(fd);
    expect_nothing();
}
END_TEST

START_TEST(files_in_the_folder_for_temporary_files_are_found)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/rest", getenv("TMPDIR"));
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    expect("/rest\n");
    unlink(path);
    expect_nothing();
}
END_TEST

START_TEST(this_one_leaves_a_descriptor)
{
    leftovers_grace_ns = 50000000;
    ck_assert_int_ge(open("/dev/null", O_RDONLY), 0);
}
END_TEST

/* Whether `after` has failed the case above, and no other reason has. */
static bool after_fails_the_case_that_left_something(void)
{
    TCase *cases = tcase_create("left");
    Suite *suite = suite_create("left");
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_test(cases, this_one_leaves_a_descriptor);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_SILENT);
    bool failed = srunner_ntests_failed(runner) == 1;
    TestResult **results = srunner_failures(runner);
    bool named = failed && strstr(tr_msg(results[0]), "/dev/null") != NULL;
    free(results);
    srunner_free(runner);
    return named;
}

int main(void)
{
    TCase *cases = tcase_create("leftovers");
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, leftovers_before, leftovers_after);
    tcase_add_test(cases, nothing_is_left_by_a_test_that_cleans_up);
    tcase_add_test(cases, descriptors_are_found_by_number_and_target);
    tcase_add_test(cases, descriptor_that_was_there_and_is_closed_is_told);
    tcase_add_test(cases, memory_files_are_found_as_descriptors_and_as_mappings);
    tcase_add_test(cases, threads_are_found);
    tcase_add_test(cases, children_are_found_running_and_dead);
    tcase_add_test(cases, orphans_are_found_by_the_group);
    tcase_add_test(cases, orphans_of_another_group_are_found_by_the_environment);
    tcase_add_test(cases, shared_memory_with_a_name_is_found);
    tcase_add_test(cases, memory_of_system_v_is_found);
    tcase_add_test(cases, abstract_sockets_are_found);
    tcase_add_test(cases, files_in_the_folder_for_temporary_files_are_found);
    if (!after_fails_the_case_that_left_something()) {
        (void)fprintf(stderr, "a case that leaves a descriptor does not fail\n");
        return EXIT_FAILURE;
    }
    return run_cases("leftovers", cases);
}
