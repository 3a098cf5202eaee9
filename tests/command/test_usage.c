/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong usage, against the contract: each flag of each command with the values next to its range
 * and with names next to its own, --help against the list of flags, and what flags mean together
 * and name.
 *
 * All must end in one line that names the flag and the value, with exit code 2, or 1 where the
 * usage is right and what it names is not; nothing is printed and nothing left. (test_flags.c
 * tries the forms of flags and what is of the wrong kind, for whatever --help lists.) */
#include "base/run.h"

#include "command/contract.h"
#include "command/small.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE = 1024, WORDS = 2048 };

/* -- One flag at a time ------------------------------------------------------------------------ */

/* A line without this flag and its value. */
static void line_without(const char *line, const char *flag_name, char *out)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, " %s ", flag_name);
    const char *at = strstr(line, wanted);
    if (at == NULL) {
        snprintf(out, LINE, "%s", line);
        return;
    }
    const char *rest = at + strlen(wanted);
    snprintf(out, LINE, "%.*s%s", (int)(at - line), line, rest + strcspn(rest, " "));
}

/* The command with these words behind it. */
static void refuse_words(const flagged *command, const flag *tried, const char *words,
                         const char *names)
{
    char line[2 * LINE], base[LINE];
    line_without(command->line, tried->name, base);
    snprintf(line, sizeof line, "%s %s", base, words);
    refuse_line(line, 2, names, line);
}

static void refuse_value(const flagged *command, const flag *tried, const char *value)
{
    char words[256], names[256];
    snprintf(words, sizeof words, "%s '%s'", tried->name, value);
    snprintf(names, sizeof names, "%s|%s", tried->name, value);
    refuse_words(command, tried, words, names);
}

static const char *const bad_choices[] = { "nosuch", "0", "-1", " ", "|" };

static void refuse_numbers(const flagged *command, const flag *tried)
{
    char value[32];
    refuse_value(command, tried, "99999999999999999999");
    if (tried->kind == FLAG_SEED) {
        refuse_value(command, tried, "-1");
        return;
    }
    snprintf(value, sizeof value, "%lld", (long long)tried->least - 1);
    refuse_value(command, tried, value);
    if (tried->most < INT64_MAX) {
        snprintf(value, sizeof value, "%lld", (long long)tried->most + 1);
        refuse_value(command, tried, value);
    }
}

static void refuse_choices(const flagged *command, const flag *tried)
{
    char value[64];
    for (size_t i = 0; i < sizeof bad_choices / sizeof *bad_choices; i++)
        refuse_value(command, tried, bad_choices[i]);
    refuse_value(command, tried, tried->good); /* "out|in", all of them at once */
    size_t length = strcspn(tried->good, "|");
    snprintf(value, sizeof value, "%.*s", (int)length - 1, tried->good);
    refuse_value(command, tried, value);
    snprintf(value, sizeof value, "%.*sx", (int)length, tried->good);
    refuse_value(command, tried, value);
    snprintf(value, sizeof value, "%c%.*s", tried->good[0] - 'a' + 'A', (int)length - 1,
             tried->good + 1);
    refuse_value(command, tried, value);
}

static const char *const bad_sizes[] = { "64",           "1",    "64B",  "1.5", "-1K",     "K",
                                         "1.2.3K",       "1 MB", "1e3K", "0K",  "0.0001K", "1TB",
                                         "99999999999G", "1MiB", ".K",   "00",  "nanG",    "1KB " };
static const char *const bad_seconds[] = { "0",   "0.0", "-1",  "1s",    "1e3", "nan",       "inf",
                                           "1,5", " 1",  "0x1", "1.2.3", ".",   "9999999999" };

/* Names that are nearly the flag's. */
static void refuse_slips(const flagged *command, const flag *tried)
{
    char slip[64];
    snprintf(slip, sizeof slip, "%sx", tried->name);
    refuse_words(command, tried, slip, slip);
    snprintf(slip, sizeof slip, "%s", tried->name + 1); /* one dash */
    refuse_words(command, tried, slip, slip);
    snprintf(slip, sizeof slip, "%s", tried->name);
    slip[2] = (char)(slip[2] - 'a' + 'A');
    refuse_words(command, tried, slip, slip);
}

/* The place of flag `index`, counted over all commands. */
static const flagged *find_tried(int index, const flag **out)
{
    const flagged *command = all_flagged;
    while (index >= command->count)
        index -= (command++)->count;
    *out = &command->flags[index];
    return command;
}

static int count_flags(void)
{
    int count = 0;
    for (int i = 0; i < FLAGGED; i++)
        count += all_flagged[i].count;
    return count;
}

START_TEST(flag_next_to_what_is_allowed_is_named)
{
    const flag *tried;
    const flagged *command = find_tried(_i, &tried);
    put_sources();
    if (tried->kind == FLAG_INT || tried->kind == FLAG_SEED)
        refuse_numbers(command, tried);
    else if (tried->kind == FLAG_CHOICE)
        refuse_choices(command, tried);
    for (size_t i = 0; tried->kind == FLAG_SIZE && i < sizeof bad_sizes / sizeof *bad_sizes; i++)
        refuse_value(command, tried, bad_sizes[i]);
    for (size_t i = 0; tried->kind == FLAG_SECONDS && i < sizeof bad_seconds / sizeof *bad_seconds;
         i++)
        refuse_value(command, tried, bad_seconds[i]);
    refuse_slips(command, tried);
}
END_TEST

START_TEST(flag_of_a_later_version_is_named)
{
    static const flag none = { "", FLAG_SWITCH, NULL, 0, 0 };
    const flagged *command = &all_flagged[_i];
    put_sources();
    for (int i = 0; command->later[i] != NULL; i++)
        refuse_words(command, &none, command->later[i], command->later[i]);
}
END_TEST

/* Nothing is forgotten: the flags that --help lists are those of the tables. */
START_TEST(help_lists_exactly_the_flags_that_are_tested)
{
    const flagged *command = &all_flagged[_i];
    char line[LINE], listed[WORDS] = "", tested[WORDS] = "", *save = NULL;
    snprintf(line, sizeof line, "help %s", command->name);
    char *help = printed(line);
    for (char *at = strtok_r(help, "\n", &save); at != NULL; at = strtok_r(NULL, "\n", &save))
        if (strncmp(at, "  --", 4) == 0) {
            at[2 + strcspn(at + 2, " ")] = '\0';
            snprintf(listed + strlen(listed), sizeof listed - strlen(listed), "%s\n", at + 2);
        }
    for (int i = 0; i < command->count; i++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "%s\n", command->flags[i].name);
        ck_assert_msg(strstr(listed, wanted) != NULL, "'%s' does not list %s", line, wanted);
        snprintf(tested + strlen(tested), sizeof tested - strlen(tested), "%s", wanted);
    }
    ck_assert_msg(strlen(listed) == strlen(tested), "'%s' lists\n%sbut tested are\n%s", line,
                  listed, tested);
    free(help);
}
END_TEST

/* -- What flags mean together and what they name ----------------------------------------------- */

typedef struct row {
    const char *line;
    int code;
    const char *names;
} row;

#define HOPS_16 "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"
#define MANY    "import --edges cites.npy --out "
#define GEN     "gen rmat --nodes 10 --degree 3 "

static const row rows[] = {
    /* Commands. */
    { "", 2, "command" },
    { "''", 2, NULL },
    { "nosuch", 2, "nosuch" },
    { "Sample @ring", 2, "Sample" },
    { "--nosuch", 2, "--nosuch" },
    { "-x", 2, "-x" },
    { "gen", 2, "gen" },
    { "gen nosuch", 2, "nosuch" },
    { "gen --scale 4", 2, "gen" },
    { "bench", 2, "bench" },
    { "bench nosuch", 2, "nosuch" },
    { "help nosuch", 2, "nosuch" },
    { "help sample extra", 2, "extra" },
    { "help gen nosuch", 2, "nosuch" },
    { "help bench nosuch", 2, "nosuch" },
    { "help gen rmat extra", 2, "extra" },
    { "help --nosuch", 2, "--nosuch" },
    { "--version extra", 2, NULL },
    { "partition @ring --parts 2 --out out", 2, "partition" },
    { "serve @ring", 2, "serve" },
    { "secret key", 2, "secret" },
    { "bench rpc", 2, "rpc" },
    { "bench certificate", 2, "certificate" },
    { "doctor extra", 2, "extra" },
    { "bench limits extra", 2, "extra" },
    { "bench sample extra", 2, "extra" },
    { "doctor --json extra", 2, "extra" },
    /* Import. */
    { "import", 2, "--manifest" },
    { "import --out out", 2, "--manifest" },
    { "import --manifest ring.json", 2, "--out" },
    { "import --edges cites.npy", 2, "--out" },
    { "import ring.json --out out", 2, "ring.json" },
    { "import --manifest ring.json extra --out out", 2, "extra" },
    { "import --manifest ring.json --edges cites.npy --out out", 2, "--manifest|--edges" },
    { "import --manifest ring.json --num-nodes 12 --out out", 2, "--manifest|--num-nodes" },
    { "import --manifest ring.json --node-feat x.npy --out out", 2, "--manifest|--node-feat" },
    { "import --manifest ring.json --edge-feat ex.npy --out out", 2, "--manifest|--edge-feat" },
    { "import --manifest ring.json --labels y.npy --out out", 2, "--manifest|--labels" },
    { "import --manifest ring.json --weights ew.npy --out out", 2, "--manifest|--weights" },
    { "import --manifest ring.json --times et.npy --out out", 2, "--manifest|--times" },
    { "import --manifest ring.json --node-times times.npy --out out", 2,
      "--manifest|--node-times" },
    { "import --manifest ring.json --undirected --out out", 2, "--manifest|--undirected" },
    { "import --glt . --out out", 2, "--glt" },
    { "import --edges nosuch.npy --out out", 1, "nosuch.npy" },
    { "import --edges nosuch/cites.npy --out out", 1, "nosuch/cites.npy" },
    { "import --edges cites.npy/more --out out", 1, "cites.npy/more" },
    { "import --manifest nosuch.json --out out", 1, "nosuch.json" },
    { "import --manifest cites.npy --out out", 1, "cites.npy" },
    { "import --edges cites.npy --num-nodes 11 --out out", 1, "cites.npy|11" },
    { "import --edges cites.npy --num-nodes 13 --node-feat x.npy --out out", 1, "x.npy|13|12" },
    { "import --edges cites.npy --num-nodes 13 --labels y.npy --out out", 1, "y.npy|13|12" },
    { "import --edges cites.npy --node-feat x.npy --labels et.npy --out out", 1, "et.npy|24|12" },
    /* Where the output goes. */
    { MANY "cites.npy", 1, "cites.npy" },
    { MANY "full", 1, "full|not empty" },
    { MANY "nosuch/out", 1, "nosuch" },
    { MANY "cites.npy/out", 1, "cites.npy" },
    { MANY ".", 1, "." },
    { MANY "/", 1, "/" },
    { MANY "dangling", 1, "dangling" },
    { MANY "locked/out", 1, "locked|Permission denied" },
    { MANY "/proc/nosuch/out", 1, "/proc/nosuch" },
    { GEN "--out cites.npy", 1, "cites.npy" },
    { GEN "--out full", 1, "full|not empty" },
    { GEN "--out nosuch/out", 1, "nosuch" },
    { GEN "--out .", 1, "." },
    { GEN "--out locked/out", 1, "locked|Permission denied" },
    /* R-MAT. */
    { "gen rmat", 2, "--scale" },
    { "gen rmat --degree 3 --out out", 2, "--scale|--nodes" },
    { "gen rmat --nodes 10 --scale 4 --degree 3 --out out", 2, "--scale|--nodes" },
    { "gen rmat --nodes 10 --out out", 2, "--degree" },
    { "gen rmat --nodes 10 --degree 3", 2, "--out" },
    { GEN "extra --out out", 2, "extra" },
    { GEN "--out out --probs 1", 2, "--probs|1" },
    { GEN "--out out --probs .5,.5", 2, "--probs|.5,.5" },
    { GEN "--out out --probs .5,.2,.2,.1", 2, "--probs|.5,.2,.2,.1" },
    { GEN "--out out --probs a,b,c", 2, "--probs|a,b,c" },
    { GEN "--out out --probs .5,,.2", 2, "--probs|.5,,.2" },
    { GEN "--out out --probs .5,.2,.2x", 2, "--probs|.5,.2,.2x" },
    { GEN "--out out --probs .5,.5,.5", 2, "--probs|.5,.5,.5" },
    { GEN "--out out --probs 0,0,0", 2, "--probs|0,0,0" },
    { GEN "--out out --probs -1,.5,.5", 2, "--probs|-1,.5,.5" },
    { GEN "--out out --probs nan,.5,.5", 2, "--probs|nan,.5,.5" },
    { GEN "--out out --probs inf,.5,.5", 2, "--probs|inf,.5,.5" },
    { GEN "--out out --probs 1e999,0,0", 2, "--probs|1e999,0,0" },
    { GEN "--out out --probs ' .5,.2,.2'", 2, "--probs" },
    /* The dataset. */
    { "inspect", 2, "DIR" },
    { "inspect ''", 2, "DIR" },
    { "inspect @ring @typed", 2, "typed" },
    { "inspect nosuch", 1, "nosuch" },
    { "inspect cites.npy", 1, "cites.npy" },
    { "inspect .", 1, "META.json" },
    { "inspect locked", 1, "locked|Permission denied" },
    { "sample", 2, "DIR" },
    { "sample ''", 2, "DIR" },
    { "sample --fanout 2", 2, "DIR" },
    { "sample @ring @typed", 2, "typed" },
    { "sample nosuch", 1, "nosuch" },
    { "sample cites.npy", 1, "cites.npy" },
    { "sample full", 1, "full/META.json" },
    { "train", 2, "DIR" },
    { "train @ring @typed", 2, "typed" },
    { "train nosuch", 1, "nosuch" },
    { "train full", 1, "full/META.json" },
    { "bench sample --dataset nosuch", 1, "nosuch" },
    { "bench gather --dataset full", 1, "full/META.json" },
    /* Seeds. */
    { "sample @ring --input nosuch.npy", 1, "nosuch.npy" },
    { "sample @ring --input nosuch", 2, "--input|nosuch" },
    { "sample @ring --input Train", 2, "--input|Train" },
    { "sample @ring --input 0,12", 1, "--input|12" },
    { "sample @ring --input=-1", 1, "--input|-1" },
    { "sample @ring --input 9223372036854775807", 1, "9223372036854775807" },
    { "sample @ring --input 9223372036854775808", 2, "--input|9223372036854775808" },
    { "sample @ring --input 0,,1", 2, "--input|0,,1" },
    { "sample @ring --input 0,1,", 2, "--input|0,1," },
    { "sample @ring --input ,", 2, "--input|," },
    { "sample @ring --input '0, 1'", 2, "--input|0, 1" },
    { "sample @ring --input 1.5", 2, "--input|1.5" },
    { "sample @ring --input 0x1", 2, "--input|0x1" },
    { "sample @ring --input-type nosuch", 2, "--input-type|nosuch|node" },
    { "sample @bare --input train", 1, "--input|train" },
    { "sample @bare --input val", 1, "--input|val" },
    { "sample @bare --input test", 1, "--input|test" },
    { "sample @typed", 2, "--input-type|paper|author" },
    { "sample @typed --input 0", 2, "--input-type" },
    { "sample @typed --input pairs.npy", 2, "--input-type" },
    { "sample @typed --input train --input-type author", 1, "author|train" },
    { "sample @typed --input-type author --input 5", 1, "--input|5" },
    { "sample @typed --input-type writer", 2, "--input-type|writer|author" },
    { "sample @typed --input-type paper__cites__paper", 2, "--input-type|paper__cites__paper" },
    { "bench sample --dataset @ring --input 0,99", 1, "--input|99" },
    { "bench sample --dataset @ring --input nosuch", 2, "--input|nosuch" },
    { "bench gather --dataset @bare --input train", 1, "--input|train" },
    /* Fanouts. */
    { "sample @ring --fanout x", 2, "--fanout|x" },
    { "sample @ring --fanout 1,,2", 2, "--fanout|1,,2" },
    { "sample @ring --fanout ,1", 2, "--fanout|,1" },
    { "sample @ring --fanout 1,", 2, "--fanout|1," },
    { "sample @ring --fanout=-2", 2, "--fanout|-2" },
    { "sample @ring --fanout 16777216", 2, "--fanout|16777216" },
    { "sample @ring --fanout 1.5", 2, "--fanout|1.5" },
    { "sample @ring --fanout '1, 2'", 2, "--fanout|1, 2" },
    { "sample @ring --fanout 99999999999999999999", 2, "--fanout|99999999999999999999" },
    { "sample @ring --fanout " HOPS_16 "," HOPS_16 "," HOPS_16 "," HOPS_16 ",1", 2, "--fanout|64" },
    { "sample @ring --fanout node__to__node", 2, "--fanout|node__to__node" },
    { "sample @ring --fanout node__to__node=", 2, "--fanout" },
    { "sample @ring --fanout =1", 2, "--fanout" },
    { "sample @ring --fanout node=1", 2, "--fanout|node" },
    { "sample @ring --fanout node__too__node=1", 2, "--fanout|node__too__node|node__to__node" },
    { "sample @ring --fanout 'node__to__node=1;node__to__node=2'", 2,
      "--fanout|node__to__node|twice" },
    { "sample @ring --fanout 'node__to__node=1;3'", 2, "--fanout|3" },
    { "sample @typed --input train --fanout 'paper__cites__paper=2'", 2,
      "--fanout|author__writes__paper" },
    { "sample @typed --input train --fanout 'paper__cites__paper=2;nosuch=1;other=1'", 2,
      "--fanout|nosuch" },
    { "sample @typed --input train --fanout 'other=1;other=2'", 2, "--fanout|other|twice" },
    { "sample @typed --input train --fanout 'paper__cites__paper=1,2;other=1'", 2,
      "--fanout|other" },
    { "sample @typed --input train --fanout 'paper__cites__paper=-2;other=1'", 2, "--fanout|-2" },
    { "sample @typed --input train --fanout 'paper=1;other=1'", 2, "--fanout|paper" },
    { "sample @typed --input train --fanout ';'", 2, "--fanout" },
    { "train @ring --fanout x", 2, "--fanout|x" },
    { "train @ring --fanout 1,1,1,1,1,1,1,1,1", 2, "--fanout|8" },
    { "train @ring --fanout node__to__node=3", 2, "--fanout|node__to__node" },
    /* Shards, batches, directions. */
    { "sample @ring --shard 1", 2, "--shard|1" },
    { "sample @ring --shard 1/", 2, "--shard|1/" },
    { "sample @ring --shard /2", 2, "--shard|/2" },
    { "sample @ring --shard 2/2", 2, "--shard|2/2" },
    { "sample @ring --shard=-1/2", 2, "--shard|-1/2" },
    { "sample @ring --shard 0/0", 2, "--shard|0/0" },
    { "sample @ring --shard a/b", 2, "--shard|a/b" },
    { "sample @ring --shard 0/2/3", 2, "--shard|0/2/3" },
    { "sample @ring --shard 0/99999999999999999999", 2, "--shard|0/99999999999999999999" },
    { "sample @ring --shard '0 / 2'", 2, "--shard|0 / 2" },
    { "sample @ring --batch-size 4 --start-batch 4", 2, "--start-batch|4|3" },
    { "sample @ring-csr --edge-dir in", 1, "CSC|node__to__node" },
    { "bench sample --dataset @ring-csr --edge-dir in", 1, "CSC" },
    { "train @ring-csr --json --edge-dir in", 1, "CSC" },
    /* Links. */
    { "sample @ring --links nosuch", 1, "--links|nosuch" },
    { "sample @ring --links nosuch.npy", 1, "nosuch.npy" },
    { "sample @ring --links all --input all", 2, "--links|--input" },
    { "sample @ring --links all --input-type node", 2, "--links|--input-type" },
    { "sample @ring --neg binary:1", 2, "--neg|--links" },
    { "sample @ring --edge-type node__to__node", 2, "--edge-type|--links" },
    { "sample @ring --link-labels train.npy", 2, "--link-labels|train.npy|--links" },
    { "sample @ring --remove-links", 2, "--remove-links|--links" },
    { "sample @ring --non-strict", 2, "--non-strict|--links" },
    { "sample @ring --links all --non-strict", 2, "--non-strict|--neg" },
    { "sample @ring --links all --neg-by-degree", 2, "--neg-by-degree|--neg" },
    { "sample @ring --links all --neg binary", 2, "--neg|binary" },
    { "sample @ring --links all --neg binary:", 2, "--neg|binary:" },
    { "sample @ring --links all --neg binary:0", 2, "--neg|binary:0" },
    { "sample @ring --links all --neg binary:-1", 2, "--neg|binary:-1" },
    { "sample @ring --links all --neg binary:1x", 2, "--neg|binary:1x" },
    { "sample @ring --links all --neg binary:1.2.3", 2, "--neg|binary:1.2.3" },
    { "sample @ring --links all --neg binary:nan", 2, "--neg|binary:nan" },
    { "sample @ring --links all --neg triplet:1.5", 2, "--neg|triplet:1.5" },
    { "sample @ring --links all --neg triplet:99999999999", 2, "--neg|triplet:99999999999" },
    { "sample @ring --links all --neg triplet:2000000000", 1, "--links|2000000000" },
    { "sample @ring --links all --neg quadruplet:1", 2, "--neg|quadruplet:1" },
    { "sample @ring --links all --neg triplet:1 --link-labels train.npy", 1, "triplets|labels" },
    { "sample @ring --links all --link-labels train.npy", 1, "7 labels|24" },
    { "sample @ring --links all --link-labels nosuch.npy", 1, "nosuch.npy" },
    { "sample @ring --links all --edge-type nosuch", 2, "--edge-type|nosuch|node__to__node" },
    { "sample @typed --links all --fanout 1", 2, "--edge-type|needed" },
    { "bench sample --dataset @ring --links all --beside typed", 2, "--beside" },
    { "bench loader --dataset @ring --non-strict", 2, "--non-strict|--links" },
    /* Subgraphs. */
    { "sample @ring --links all --subgraph", 2, "--links|--subgraph" },
    { "sample @ring --subgraph=1", 2, "--subgraph" },
    { "bench sample --dataset @ring --links all --subgraph", 2, "--links|--subgraph" },
    { "bench loader --dataset @ring --links all --subgraph", 2, "--links|--subgraph" },
    { "train @ring --subgraph", 2, "--subgraph" },
    /* Kinds of sampling. */
    { "sample @ring --times edges", 2, "--times|--temporal" },
    { "sample @ring --seed-times times.npy", 2, "--seed-times|times.npy|--temporal" },
    { "sample @ring --window 5", 2, "--window|--temporal" },
    { "sample @ring --disjoint --window 5", 2, "--window|--temporal" },
    { "sample @ring --temporal uniform", 2, "--temporal|--disjoint" },
    { "sample @ring --temporal last --labor", 2, "--temporal|--disjoint" },
    { "sample @ring --layer-dependent", 2, "--layer-dependent|--labor" },
    { "sample @ring --labor --replace", 2, "--labor|--replace" },
    { "sample @ring --labor --weighted", 2, "--labor|--weighted" },
    { "sample @ring --labor --disjoint", 2, "--labor|--disjoint" },
    { "sample @ring --subgraph --disjoint", 2, "--subgraph|--disjoint" },
    { "sample @ring --disjoint --temporal last --weighted", 2, "--temporal last|--weighted" },
    { "sample @ring --disjoint --temporal last --replace", 2, "--temporal last|--replace" },
    { "sample @ring --disjoint --temporal uniform --window 0", 2, "--window|0" },
    { "sample @ring --disjoint --temporal uniform --window=-5", 2, "--window|-5" },
    { "sample @ring --disjoint --temporal latest", 2, "--temporal|latest" },
    { "sample @ring --disjoint --temporal", 2, "--temporal" },
    { "sample @ring --weighted=1", 2, "--weighted" },
    { "sample @ring --disjoint --temporal last --seed-times nosuch.npy", 1, "nosuch.npy" },
    { "sample @ring --disjoint --temporal last --seed-times train.npy", 1, "train.npy|7|12 seeds" },
    { "sample @ring --links all --disjoint --temporal last --seed-times times.npy", 1,
      "times.npy|12|24 links" },
    { "sample @ring --links pairs.npy --disjoint --temporal last", 1, "pairs.npy|seed_times" },
    { "sample @bare --weighted", 1, "node__to__node|weights" },
    { "sample @bare --disjoint --temporal uniform", 1, "times" },
    { "sample @bare --disjoint --temporal uniform --times nodes", 1, "times|neighbours" },
    { "sample @bare --disjoint --temporal uniform --times edges", 1, "times|edges" },
    { "sample @typed --fanout 2 --input train --weighted", 1, "paper__cites__paper|weights" },
    { "sample @typed --fanout 2 --input-type author --disjoint --temporal last", 1,
      "seed_times|author" },
    { "bench sample --dataset @ring --window 5", 2, "--window|--temporal" },
    { "bench gather --dataset @ring --temporal last", 2, "--temporal|--disjoint" },
    { "bench loader --dataset @ring --layer-dependent", 2, "--layer-dependent|--labor" },
    { "bench loader --dataset @bare --weighted", 1, "weights" },
    { "train @ring --weighted", 2, "--weighted" },
    { GEN "--out out --weights=1", 2, "--weights" },
    { GEN "--out out --times 5", 2, "5" },
    /* What this version has no use for. */
    { "sample @ring --threads 257", 2, "--threads" },
    { "sample @ring --device cuda", 2, "--device" },
    { "sample @ring --device cuda:0", 2, "--device" },
    { "sample @ring --device gpu", 2, "--device|gpu" },
    { "bench sample --dataset @ring --workers 1", 2, "--workers" },
    { "bench sample --dataset @ring --beside typed --input 1,2", 2, "--beside|--input" },
    { "bench sample --dataset @ring --beside typed --fanout other=3", 2, "--beside|--fanout" },
    { "bench gather --dataset @ring --threads 257", 2, "--threads" },
    { "bench gather --dataset @ring --device cuda:1", 2, "--device" },
    { "train @ring --device cuda:0,cuda:1", 2, "--device" },
    { "train @ring --device tpu", 2, "--device|tpu" },
    /* What training needs. */
    { "train @bare", 1, "bare" },
    { "bench gather --dataset @bare", 1, "features" },
    /* Words behind "--" are no flags. */
    { "inspect -- --json", 1, "--json" },
    { "sample -- nosuch --fanout", 2, "--fanout" },
};
enum { ROWS = sizeof rows / sizeof rows[0] };

START_TEST(usage_that_is_wrong_is_named)
{
    const row *tried = &rows[_i];
    put_sources();
    ck_assert_int_eq(mkdir("full", 0700), 0);
    put_text("full/thing", "of somebody");
    ck_assert_int_eq(mkdir("locked", 0), 0);
    ck_assert_int_eq(symlink("nowhere", "dangling"), 0);
    refuse_line(tried->line, tried->code, tried->names != NULL ? tried->names : "", tried->line);
    ck_assert_str_eq(listing("full"), "thing");
    ck_assert_int_eq(chmod("locked", 0700), 0);
    ck_assert_str_eq(listing("locked"), "");
}
END_TEST

/* What a user gives may hold anything; the line stays one line. */
START_TEST(value_with_control_characters_leaves_one_line)
{
    static const char *const values[] = { "a\nb", "\x1b[2J", "\r", "\t\t", "\x7f", "\n" };
    put_sources();
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        expect_named(SEINE("sample", shared_path("ring"), "--fanout", values[i]), 2, "--fanout",
                     "");
        expect_named(SEINE("sample", shared_path("ring"), "--load", values[i]), 2, "--load", "");
        expect_named(SEINE("inspect", values[i]), 1, "", "inspect");
        expect_named(SEINE(values[i]), 2, "", "a command");
        expect_named(SEINE("help", values[i]), 2, "", "help");
    }
}
END_TEST

START_TEST(value_of_a_hundred_thousand_characters_leaves_one_line)
{
    enum { LENGTH = 100000 };
    char *value = malloc(LENGTH + 1);
    ck_assert_ptr_nonnull(value);
    memset(value, '7', LENGTH);
    value[LENGTH] = '\0';
    const char *ring = shared_path("ring");
    expect_named(SEINE("sample", ring, "--fanout", value), 2, "7777|--fanout", "--fanout");
    expect_named(SEINE("sample", ring, "--input", value), 2, "7777|--input", "--input");
    expect_named(SEINE("sample", ring, "--batch-size", value), 2, "7777|--batch-size", "a number");
    expect_named(SEINE("sample", ring, "--input-type", value), 2, "7777", "--input-type");
    expect_named(SEINE("sample", ring, "--shard", value), 2, "7777|--shard", "--shard");
    expect_named(SEINE(value), 2, "7777", "a command");
    expect_named(SEINE("help", value), 2, "7777", "help");
    expect_named(SEINE("inspect", value), 1, "7777", "inspect");
    free(value);
}
END_TEST

int main(void)
{
    TCase *cases = tcase_create("usage");
    tcase_set_timeout(cases, 240);
    tcase_add_unchecked_fixture(cases, small_begin, small_end);
    tcase_add_checked_fixture(cases, case_begin, case_end);
    tcase_add_loop_test(cases, flag_next_to_what_is_allowed_is_named, 0, count_flags());
    tcase_add_loop_test(cases, flag_of_a_later_version_is_named, 0, FLAGGED);
    tcase_add_loop_test(cases, help_lists_exactly_the_flags_that_are_tested, 0, FLAGGED);
    tcase_add_loop_test(cases, usage_that_is_wrong_is_named, 0, ROWS);
    tcase_add_test(cases, value_with_control_characters_leaves_one_line);
    tcase_add_test(cases, value_of_a_hundred_thousand_characters_leaves_one_line);
    return run_cases("usage", cases);
}
