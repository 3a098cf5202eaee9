/* SPDX-License-Identifier: Apache-2.0 */
/* Every flag of every command with bad values. The flags are read from --help, so none is
 * forgotten. */
#include "base/run.h"

#include "command/drive.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* A call that is right, to which one wrong thing is added. */
static const struct call {
    const char *words[2]; /* the command */
    const char *rest[10];
} calls[] = {
    { { "gen", "rmat" }, { "--scale", "4", "--degree", "2", "--out", "made" } },
    { { "import" }, { "--edges", "edges.npy", "--out", "made" } },
    { { "inspect" }, { "graph" } },
    { { "sample" }, { "graph", "--fanout", "2" } },
    { { "train" }, { "graph", "--epochs", "1" } },
    { { "bench", "limits" }, { "--size", "64" } },
    { { "bench", "sample" }, { "--dataset", "graph", "--runs", "1", "--size", "64" } },
    { { "bench", "gather" }, { "--dataset", "graph", "--runs", "1", "--size", "64" } },
    { { "bench", "loader" }, { "--dataset", "graph", "--runs", "1" } },
    { { "bench", "channel" }, { "--runs", "1" } },
    { { "bench", "import" }, { "--edges", "edges.npy", "--runs", "1" } },
    { { "bench", "open" }, { "--dataset", "graph", "--runs", "1" } },
    { { "top" }, { NULL } },
    { { "doctor" }, { NULL } },
};
enum { CALLS = sizeof calls / sizeof calls[0], MAX_FLAGS = 64, MAX_WORDS = 24 };

static char before[4096];

static void make_graph(void)
{
    static const int64_t edges[2][5] = { { 0, 1, 2, 3, 0 }, { 1, 2, 3, 0, 2 } };
    workspace_make();
    put_npy("edges.npy", "<i8", "(2, 5)", edges, sizeof edges);
    expect_done(SEINE("import", "--edges", "edges.npy", "--out", "graph"));
    snprintf(before, sizeof before, "%s", listing("."));
}

typedef struct flag {
    char name[48];
    bool takes_value;
} flag;

/* From lines "  --name VALUE   text" of the help. */
static int read_flags(const struct call *of, flag *out)
{
    outcome help = SEINE("help", of->words[0], of->words[1]);
    ck_assert_int_eq(help.code, 0);
    int count = 0;
    for (char *line = strtok(help.out, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strncmp(line, "  --", 4) != 0)
            continue;
        ck_assert_int_lt(count, MAX_FLAGS);
        size_t length = strcspn(line + 2, " ");
        snprintf(out[count].name, sizeof out[count].name, "%.*s", (int)length, line + 2);
        out[count].takes_value = line[2 + length] == ' ' && line[3 + length] != ' ';
        count++;
    }
    outcome_free(&help);
    return count;
}

/* The call without `flag` (and its value), then `last` words. */
static void compose(const struct call *of, const char *without, const char *const *last,
                    const char **out)
{
    int count = 0;
    for (int i = 0; i < 2 && of->words[i] != NULL; i++)
        out[count++] = of->words[i];
    for (int i = 0; of->rest[i] != NULL; i++) {
        if (without != NULL && strcmp(of->rest[i], without) == 0)
            i++;
        else
            out[count++] = of->rest[i];
    }
    for (int i = 0; last[i] != NULL; i++)
        out[count++] = last[i];
    out[count] = NULL;
    ck_assert_int_lt(count, MAX_WORDS);
}

static void refuse(const struct call *of, const char *flag_name, const char *const *last, int code,
                   const char *name)
{
    const char *words[MAX_WORDS];
    char what[1024] = "";
    if (!is_chosen())
        return;
    compose(of, flag_name, last, words);
    for (int i = 0; words[i] != NULL; i++)
        snprintf(what + strlen(what), sizeof what - strlen(what), "%s ", words[i]);
    expect_failure(seine(words, NULL), code, name, what);
    ck_assert_msg(strcmp(listing("."), before) == 0, "%s leaves: %s", what, listing("."));
}

START_TEST(flag_of_any_command_in_a_wrong_form_is_refused_by_name)
{
    const struct call *of = &calls[_i];
    flag flags[MAX_FLAGS];
    int count = read_flags(of, flags);
    ck_assert_int_gt(count, 0);
    for (int i = 0; i < count; i++) {
        const char *name = flags[i].name;
        char with[80];
        if (!flags[i].takes_value) {
            snprintf(with, sizeof with, "%.47s=yes", name);
            refuse(of, NULL, ARGUMENTS(with), 2, name);
            refuse(of, NULL, ARGUMENTS(name, name), 2, name);
            continue;
        }
        snprintf(with, sizeof with, "%.47s=", name);
        refuse(of, name, ARGUMENTS(with), 2, name);
        refuse(of, name, ARGUMENTS(name, ""), 2, name);
        refuse(of, name, ARGUMENTS(name), 2, name);
        refuse(of, name, ARGUMENTS(name, "--help"), 2, name);
        /* "1" or, for the flags where it is wrong, whatever else: the second one is refused first.
         */
        const char *good = strcmp(name, "--device") == 0 ? "cpu" : "1";
        refuse(of, name, ARGUMENTS(name, good, name, good), 2, name);
        const char *named = strcmp(name, "--manifest") == 0 ? name : "/nonexistent";
        refuse(of, name, ARGUMENTS(name, "/nonexistent/rubbish.npy"), EITHER, named);
    }
}
END_TEST

START_TEST(flag_that_is_a_number_refuses_what_is_none_and_what_is_beyond)
{
    static const char *const numbers[] = {
        "--scale",       "--degree",     "--feat-dim", "--classes",      "--num-nodes",
        "--seed",        "--epoch",      "--epochs",   "--start-batch",  "--batches",
        "--hidden",      "--threads",    "--runs",     "--size",         "--workers",
        "--concurrency", "--batch-size", "--nodes",    "--shuffle-ends", "--window"
    };
    static const char *const bad[] = {
        "x",   "-1", "1x", "0x10", "1.5", " 1", "1 ", "+1", "1e3", "1,2", "9999999999999999999999",
        "nan", "\n1"
    };
    const struct call *of = &calls[_i];
    flag flags[MAX_FLAGS];
    int count = read_flags(of, flags);
    for (int i = 0; i < count; i++)
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++)
            for (size_t j = 0; strcmp(flags[i].name, numbers[k]) == 0 && j < 13; j++)
                refuse(of, numbers[k], ARGUMENTS(numbers[k], bad[j]), 2, numbers[k]);
}
END_TEST

static const struct {
    const char *words[12];
    int code;
    const char *name;
} wrong[] = {
    { { NULL }, 2, "no command" },
    { { "frobnicate" }, 2, "frobnicate" },
    { { "" }, 2, "no such command" },
    { { "--frobnicate" }, 2, "--frobnicate" },
    { { "help", "frobnicate" }, 2, "frobnicate" },
    { { "help", "--man", "frobnicate" }, 2, "frobnicate" },
    { { "gen" }, 2, "gen" },
    { { "gen", "erdos" }, 2, "erdos" },
    { { "bench" }, 2, "bench" },
    { { "bench", "everything" }, 2, "everything" },
    { { "sample" }, 2, "DIR is missing" },
    { { "sample", "" }, 2, "DIR is missing" },
    { { "sample", "graph", "graph" }, 2, "one DIR" },
    { { "sample", "--frobnicate", "graph" }, 2, "--frobnicate" },
    { { "sample", "graph", "--frobnicate=3" }, 2, "--frobnicate" },
    { { "sample", "graph", "-x" }, 2, "-x" },
    { { "sample", "graph", "--", "--seed" }, 2, "--seed" },
    { { "sample", "nowhere" }, 1, "nowhere" },
    { { "sample", "edges.npy" }, 1, "edges.npy" },
    { { "inspect", "." }, 1, "META.json" },
    { { "sample", "graph", "--batch-size", "0" }, 2, "--batch-size" },
    { { "sample", "graph", "--fanout", "2," }, 2, "2," },
    { { "sample", "graph", "--fanout", ",2" }, 2, ",2" },
    { { "sample", "graph", "--fanout", "2,-2" }, 2, "2,-2" },
    { { "sample", "graph", "--fanout", "16777216" }, 2, "16777216" },
    { { "sample", "graph", "--fanout", "2;3" }, 2, "--fanout" },
    { { "sample", "graph", "--fanout", "a__b__c=2" }, 2, "a__b__c" },
    { { "sample", "graph", "--fanout", "node__to__node=" }, 2, "--fanout" },
    { { "sample", "graph", "--fanout", "node__to__node=2;node__to__node=3" }, 2, "twice" },
    { { "sample", "graph", "--fanout", "node__to__node=2;other=3,4" }, 2, "hops" },
    { { "sample", "graph", "--input", "train" }, 1, "train" },
    { { "sample", "graph", "--input", "0,x" }, 2, "0,x" },
    { { "sample", "graph", "--input", "1,2," }, 2, "--input" },
    { { "sample", "graph", "--input", "4" }, 1, "seed 4" },
    { { "sample", "graph", "--input", "-1" }, 1, "seed -1" },
    { { "sample", "graph", "--input", "99999999999999999999" }, 2, "--input" },
    { { "sample", "graph", "--input", "none.npy" }, 1, "none.npy" },
    { { "sample", "graph", "--input", "edges.npy" }, 1, "edges.npy" },
    { { "sample", "graph", "--input-type", "paper" }, 2, "paper" },
    { { "sample", "graph", "--shard", "2/2" }, 2, "2/2" },
    { { "sample", "graph", "--shard", "0/0" }, 2, "0/0" },
    { { "sample", "graph", "--shard", "1" }, 2, "--shard" },
    { { "sample", "graph", "--shard", "-1/2" }, 2, "--shard" },
    { { "sample", "graph", "--shard", "0/2x" }, 2, "--shard" },
    { { "sample", "graph", "--start-batch", "2" }, 2, "--start-batch" },
    { { "sample", "graph", "--labels", "seed" }, 2, "--labels" },
    { { "sample", "graph", "--format", "text" }, 2, "--format" },
    { { "sample", "graph", "--device", "tpu" }, 2, "tpu" },
    { { "import" }, 2, "--manifest" },
    { { "import", "--out", "made" }, 2, "--edges" },
    { { "import", "--edges", "edges.npy" }, 2, "--out" },
    { { "import", "--edges", "edges.npy", "--manifest", "m.json", "--out", "made" }, 2, "--edges" },
    { { "import", "--manifest", "m.json", "--labels", "y.npy", "--out", "made" }, 2, "--labels" },
    { { "import", "--manifest", "m.json", "--undirected", "--out", "made" }, 2, "--undirected" },
    { { "import", "--edges", "edges.npy", "--num-nodes", "3", "--out", "made" }, 1, "edges.npy" },
    { { "import", "--edges", "edges.npy", "--out", "edges.npy" }, 1, "edges.npy" },
    { { "import", "--edges", "edges.npy", "--out", "no/such/parent" }, 1, "no/such" },
    { { "gen", "rmat", "--degree", "2", "--out", "made" }, 2, "--scale" },
    { { "gen", "rmat", "--scale", "4", "--out", "made" }, 2, "--degree" },
    { { "gen", "rmat", "--scale", "4", "--degree", "2" }, 2, "--out" },
    { { "gen", "rmat", "--scale", "4", "--nodes", "9", "--degree", "2", "--out", "made" },
      2,
      "--nodes" },
    { { "gen", "rmat", "--scale", "4", "--degree", "2", "--probs", "1,1,1", "--out", "made" },
      2,
      "--probs" },
    { { "gen", "rmat", "--scale", "4", "--degree", "2", "--probs", "0,0,0", "--out", "made" },
      2,
      "--probs" },
    { { "gen", "rmat", "--scale", "4", "--degree", "2", "--probs", ".5,.2", "--out", "made" },
      2,
      "--probs" },
    { { "gen", "rmat", "--scale", "4", "--degree", "2", "--probs", ".5,.2,nan", "--out", "made" },
      2,
      "--probs" },
    { { "doctor", "me" }, 2, "me" },
    { { "top", "me" }, 2, "me" },
    { { "top", "0" }, 2, "0" },
    { { "top", "" }, 2, "missing" },
    { { "top", "1", "2" }, 2, "2" },
    { { "top", "2147483647" }, 1, "2147483647" },
    { { "sample", "graph", "--workers", "257" }, 2, "--workers" },
    { { "bench", "loader", "--dataset", "graph", "--workers", "0" }, 2, "--workers" },
    { { "bench", "sample", "graph" }, 2, "graph" },
    { { "bench", "sample", "--dataset", "nowhere" }, 1, "nowhere" },
    { { "bench", "gather", "--dataset", "graph", "--runs", "1" }, 1, "features" },
    { { "bench", "limits", "--size", "131072", "--runs", "1" }, 1, "MemAvailable" },
};

START_TEST(call_that_is_wrong_is_refused_by_name)
{
    const char *words[16] = { NULL };
    for (int i = 0; i < 12; i++)
        words[i] = wrong[_i].words[i];
    expect_failure(seine(words, NULL), wrong[_i].code, wrong[_i].name, wrong[_i].name);
    ck_assert_str_eq(listing("."), before);
}
END_TEST

static const struct {
    const char *words[6];
    const char *line;
} later[] = {
    { { "partition", "graph" }, "seine partition: not in this version\n" },
    { { "serve" }, "seine serve: not in this version\n" },
    { { "secret", "file" }, "seine secret: not in this version\n" },
    { { "bench", "rpc" }, "seine bench: rpc: not in this version\n" },
    { { "bench", "certificate" }, "seine bench: certificate: not in this version\n" },
    { { "import", "--glt", "x" }, "seine import: --glt: not in this version\n" },
    { { "sample", "graph", "--transport", "tcp" },
      "seine sample: --transport: not in this version\n" },
    { { "sample", "graph", "--ranks=2" }, "seine sample: --ranks: not in this version\n" },
    { { "sample", "graph", "--ranks", "2" }, "seine sample: --ranks: not in this version\n" },
    { { "sample", "graph", "--connect", "h:1" }, "seine sample: --connect: not in this version\n" },
    { { "sample", "graph", "--device", "cuda:0" },
      "seine sample: --device: not in this version\n" },
    { { "train", "graph", "--device", "cuda:0" }, "seine train: --device: not in this version\n" },
};

START_TEST(call_that_belongs_to_a_later_version_says_so_and_is_not_in_the_help)
{
    const char *const *words = later[_i].words;
    outcome of = seine(words, NULL);
    ck_assert_int_eq(of.code, 2);
    ck_assert_str_eq(of.err, later[_i].line);
    ck_assert_str_eq(of.out, "");
    outcome_free(&of);
    ck_assert_str_eq(listing("."), before);

    outcome help = SEINE("help");
    ck_assert_ptr_null(strstr(help.out, "partition"));
    ck_assert_ptr_null(strstr(help.out, "serve"));
    outcome_free(&help);
    help = SEINE("sample", "--help");
    ck_assert_int_eq(help.code, 0);
    ck_assert_ptr_null(strstr(help.out, "--ranks"));
    ck_assert_ptr_null(strstr(help.out, "--transport"));
    ck_assert_ptr_null(strstr(help.out, "cuda"));
    outcome_free(&help);
}
END_TEST

/* The variables are those that doctor lists. */
START_TEST(variable_with_a_bad_value_is_refused_by_every_command)
{
    static const char *const bad[] = {
        "", "rubbish", "-1", "0", "1,2", "MAP", "99999999999999999999"
    };
    outcome doctor = SEINE("doctor", "--json");
    json_t *all = json_loads(doctor.out, 0, NULL), *value;
    ck_assert_ptr_nonnull(all);
    const char *name;
    int count = 0;
    json_object_foreach(json_object_get(all, "options"), name, value)
    {
        for (int i = 0; i < CALLS; i++)
            for (size_t k = 0; k < (i < 3 ? 7 : 1); k++) {
                const char *words[MAX_WORDS];
                char setting[128];
                if (!is_chosen())
                    continue;
                compose(&calls[i], NULL, ARGUMENTS(NULL), words);
                snprintf(setting, sizeof setting, "%s=%s", name, bad[k]);
                expect_failure(seine(words, ENVIRONMENT(setting)), 2, name, setting);
                ck_assert_str_eq(listing("."), before);
            }
        count++;
    }
    ck_assert_int_ge(count, 5);
    json_decref(all);
    outcome_free(&doctor);
}
END_TEST

START_TEST(flag_forms_with_blank_and_equals_mean_the_same)
{
    outcome one = SEINE("sample", "graph", "--fanout", "2,1", "--seed", "18446744073709551615");
    outcome two = SEINE("sample", "--seed=18446744073709551615", "--fanout=2,1", "--", "graph");
    ck_assert_int_eq(one.code, 0);
    ck_assert_int_eq(two.code, 0);
    ck_assert_str_eq(one.out, two.out);
    ck_assert_int_eq(count_lines(one.out), 1);
    outcome_free(&one);
    outcome_free(&two);
    expect_done(SEINE("sample", "graph", "--workers", "0", "--threads", "2", "--concurrency", "2",
                      "--device", "cpu", "--start-batch", "1", "--stall=.5", "--channel-size",
                      "1.5gB"));
    expect_done(SEINE("sample", "graph", "--channel-size", "0", "--stall", "86400"));
    expect_done(SEINE("sample", "graph", "--channel-size", "0.5k", "--stall", "1.25"));
}
END_TEST

START_TEST(help_of_every_command_goes_to_stdout)
{
    const char *const *const texts[] = {
        ARGUMENTS("help"),
        ARGUMENTS("--help"),
        ARGUMENTS("help", "bench"),
        ARGUMENTS("bench", "--help"),
        ARGUMENTS("gen", "--help"),
        ARGUMENTS("gen", "rmat", "--help"),
        ARGUMENTS("import", "--edges", "x", "--help"),
        ARGUMENTS("doctor", "--help"),
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        outcome of = seine(texts[i], NULL);
        ck_assert_int_eq(of.code, 0);
        ck_assert_str_eq(of.err, "");
        ck_assert_int_eq(strncmp(of.out, "usage: seine ", 13), 0);
        for (const char *line = of.out; line != NULL && *line != '\0';) {
            size_t length = strcspn(line, "\n");
            ck_assert_msg(length <= 80, "wider than 80 columns: %.*s", (int)length, line);
            line = line[length] == '\n' ? line + length + 1 : NULL;
        }
        outcome_free(&of);
    }
    outcome version = SEINE("--version");
    ck_assert_int_eq(version.code, 0);
    ck_assert_int_eq(strncmp(version.out, "seine ", 6), 0);
    ck_assert_int_eq(count_lines(version.out), 1);
    outcome_free(&version);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("flags");
    tcase_add_checked_fixture(cases, make_graph, workspace_remove);
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, flag_of_any_command_in_a_wrong_form_is_refused_by_name, 0, CALLS);
    tcase_add_loop_test(cases, flag_that_is_a_number_refuses_what_is_none_and_what_is_beyond, 0,
                        CALLS);
    tcase_add_loop_test(cases, call_that_is_wrong_is_refused_by_name, 0,
                        (int)(sizeof wrong / sizeof wrong[0]));
    tcase_add_loop_test(cases, call_that_belongs_to_a_later_version_says_so_and_is_not_in_the_help,
                        0, (int)(sizeof later / sizeof later[0]));
    tcase_add_test(cases, variable_with_a_bad_value_is_refused_by_every_command);
    tcase_add_test(cases, flag_forms_with_blank_and_equals_mean_the_same);
    tcase_add_test(cases, help_of_every_command_goes_to_stdout);
    return run_cases("flags", cases);
}
