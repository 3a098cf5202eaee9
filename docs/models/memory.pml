/* SPDX-License-Identifier: Apache-2.0 */
/* Where batches lie (stream.pml): a lane's arena, here of BLOCKS blocks, and spill segments. The
 * lane reserves, and asks the supervisor if its arena is full; the consumer lends; any thread of
 * the parent gives back. The states of segments are the parent's, under a mutex. */

#if BLOCKS
#define NUMBERS (2 * BLOCKS) /* of blocks, before they begin again */
#define IN_ARENA(l) ((lane[l].last_blocks + NUMBERS - lane[l].first) % NUMBERS)

#define UNMAPPED 0
#define IDLE 1
#define GIVEN 2  /* a lane writes there, or has published it */
#define LENT 3   /* the consumer holds it */
#define LEFT 4   /* GIVEN and published; its worker is gone */
#define ORPHAN 5 /* LENT; its worker is gone */
#define SEGMENT(l, where) lane[l].segment[(where) - BLOCKS]

/* found: a descriptor that was not taken, from `from` on, names the place. */
inline find_in_ring(l, where, from)
{
    found = false;
    for (s : 0 .. AHEAD - 1) {
        if
        :: s >= (from) && s < lane[l].in_ring && lane[l].place[s] == (where) -> found = true
        :: else
        fi
    }
    s = 0
}

/* -- Parent ------------------------------------------------------------------------------------ */

/* The consumer's from now on. */
inline lend(l, where)
{
    if
    :: where < BLOCKS -> lane[l].lent[where] = true
    :: else ->
        assert(SEGMENT(l, where) == GIVEN || SEGMENT(l, where) == LEFT); /* L3 */
        SEGMENT(l, where) = (SEGMENT(l, where) == GIVEN -> LENT : ORPHAN)
    fi
}

/* Gives back what was lent, or what a dropped descriptor names. */
inline give_back(l, where)
{
    lane[l].message[where] = 0; /* nobody's */
    if
    :: where < BLOCKS ->
        lane[l].lent[where] = false;
        lane[l].free[where] = true /* G1 */
    :: else ->
        SEGMENT(l, where) = (SEGMENT(l, where) >= LEFT -> UNMAPPED : IDLE)
    fi
}

/* Any thread of the parent, once it has got the batch; one instance for each place, so in any
 * order. Or nobody ever does. */
bool keeps;
proctype Giver(byte l; byte where)
{
end:
    do
    :: d_step {
           !keeps && !(lane[l].settled && lane[l].place[0] == where) &&
               (where < BLOCKS -> lane[l].lent[where]
                                : SEGMENT(l, where) == LENT || SEGMENT(l, where) == ORPHAN) ->
           give_back(l, where)
       }
    od
}

/* i: the first segment in this state, or SEGMENTS. */
inline find_segment(l, state)
{
    i = 0;
    do
    :: i < SEGMENTS && lane[l].segment[i] != state -> i++
    :: else -> break
    od
}

/* The supervisor's answer to a lane: an idle segment, which its worker has, or else a new one. */
inline give_segment(l)
{
    find_segment(l, IDLE);
    if
    :: i < SEGMENTS -> assert(lane[l].mapped[i])
    :: else ->
        find_segment(l, UNMAPPED);
        assert(i < SEGMENTS); /* else the configuration has too few */
        lane[l].mapped[i] = true
    fi;
    lane[l].segment[i] = GIVEN;
    lane[l].given = BLOCKS + i;
    lane[l].need = false;
    i = 0
}

/* The supervisor, when the lane's worker is gone. */
inline forget_segments(l)
{
    for (i : 0 .. SEGMENTS - 1) {
        find_in_ring(l, BLOCKS + i, 0);
#if MISTAKE == DEAD_SEGMENT_UNMAPPED
        found = false;
#endif
        if
        :: lane[l].segment[i] == LENT -> lane[l].segment[i] = ORPHAN
#if MISTAKE != DEAD_SEGMENT_REUSED
        :: lane[l].segment[i] == GIVEN && found -> lane[l].segment[i] = LEFT
#endif
        :: lane[l].segment[i] == IDLE || (lane[l].segment[i] == GIVEN && !found) ->
            lane[l].segment[i] = UNMAPPED;
            lane[l].message[BLOCKS + i] = 0
        :: else
        fi;
        lane[l].mapped[i] = false
    }
    lane[l].need = false;
    lane[l].given = 0;
    found = false;
    i = 0
}

/* -- Lane -------------------------------------------------------------------------------------- */

/* The lane may write to `place`: the consumer neither holds it nor has yet to take it. */
inline check_place(me)
{
    find_in_ring(me, place, lane[me].settled);
    assert(!found);
    if
    :: place < BLOCKS -> assert(!lane[me].lent[place])
    :: else -> assert(SEGMENT(me, place) == GIVEN && lane[me].mapped[place - BLOCKS])
    fi
}

/* A successor finds no block in use that neither the ring nor the consumer knows. */
inline check_blocks(me)
{
#if MISTAKE == SUCCESSOR_FORGETS_BLOCKS
    lane[me].last_blocks = lane[me].first;
#elif MISTAKE == SUCCESSOR_KEEPS_RESERVED
    if
    :: IN_ARENA(me) < BLOCKS && !lane[me].free[lane[me].last_blocks % BLOCKS] ->
        lane[me].last_blocks = (lane[me].last_blocks + 1) % NUMBERS
    :: else
    fi;
#endif
    assert(IN_ARENA(me) <= BLOCKS);
    i = lane[me].first;
    do
    :: i != lane[me].last_blocks ->
        find_in_ring(me, i % BLOCKS, lane[me].settled);
        assert(found || lane[me].lent[i % BLOCKS] || lane[me].free[i % BLOCKS]);
        i = (i + 1) % NUMBERS
    :: else -> break
    od;
    found = false;
    i = 0
}

/* A block of the arena, or a spill segment. A block that was not published leaves no trace. */
inline reserve(me)
{
    i = lane[me].first;
    do
#if MISTAKE == RECLAIM_HELD
    :: atomic { i != lane[me].last_blocks -> i = (i + 1) % NUMBERS }
    :: atomic { i == lane[me].last_blocks -> break }
#else
    :: atomic { /* G2 */
           i != lane[me].last_blocks && lane[me].free[i % BLOCKS] -> i = (i + 1) % NUMBERS
       }
    :: atomic { i == lane[me].last_blocks || !lane[me].free[i % BLOCKS] -> break }
#endif
    od;
#if MISTAKE == FIRST_AFTER_REUSE
    if
    :: i != (lane[me].last_blocks + BLOCKS) % NUMBERS ->
        lane[me].free[lane[me].last_blocks % BLOCKS] = false
    :: else
    fi;
#endif
    lane[me].first = i; /* before a number is used again */
    i = 0;
    if
    :: d_step {
           IN_ARENA(me) < BLOCKS ->
           place = lane[me].last_blocks % BLOCKS;
           lane[me].free[place] = false
       }
    :: d_step { IN_ARENA(me) == BLOCKS -> lane[me].need = true }
       d_step {
           lane[me].given > 0 ->
           place = lane[me].given;
           lane[me].given = 0
       }
    fi
}
#endif
