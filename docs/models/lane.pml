/* SPDX-License-Identifier: Apache-2.0 */
/* A lane of a worker (stream.pml): claims tickets, computes their batches, publishes them; and may
 * die before each step. */

inline check_claim(me)
{
    assert(lane[me].at < position + WINDOW);    /* C3 */
    assert(lane[me].at > lane[me].last_ticket); /* C2; what was dropped is below the base */
    assert(lane[me].at >= run_base);
    for (w : 0 .. LANES - 1) { /* C1 */
        assert(w == me || lane[w].at != lane[me].at)
    }
    for (w : 0 .. WINDOW - 1) { /* C4 */
        assert(entry_owner[w] != OWNED + me || entry_ticket[w] == lane[me].at ||
               entry_ticket[w] < run_base || entry_ticket[w] <= lane[me].last_ticket)
    }
    w = 0
}

/* The entry of t was (t, OPEN). */
inline claim(me)
{
    entry_owner[t % WINDOW] = OWNED + me;
    lane[me].at = t;
    check_claim(me);
    waiter[me] = AWAY;
    t = 0;
    i = 0
}

/* The largest ticket that the lane has claimed and not published; 0: none. */
inline find_left(me)
{
    do
    :: atomic {
           if
#if MISTAKE == SUCCESSOR_REPEATS_PUBLISHED
           :: entry_owner[i] == OWNED + me && entry_ticket[i] > t -> t = entry_ticket[i]
#elif MISTAKE != SUCCESSOR_FORGETS_CLAIM
           :: entry_owner[i] == OWNED + me && entry_ticket[i] > t &&
                  entry_ticket[i] > lane[me].last_ticket ->
               t = entry_ticket[i]
#endif
           :: else
           fi;
           i++;
           if
           :: i == WINDOW ->
               lane[me].at = t;
               t = 0;
               i = 0;
               break
           :: else
           fi
       }
    od
}

/* What lies behind the tail is the lane's own until it stores the tail: W1. */
inline publish(me)
{
    assert(lane[me].in_ring < AHEAD);
    assert(lane[me].at > lane[me].last_ticket); /* L1 */
    lane[me].ticket[lane[me].in_ring] = lane[me].at;
#if BLOCKS
    lane[me].place[lane[me].in_ring] = place;
    if
    :: place < BLOCKS -> lane[me].last_blocks = (lane[me].last_blocks + 1) % NUMBERS
    :: else
    fi;
#else
    lane[me].message[lane[me].in_ring] = lane[me].meaning;
#endif
    lane[me].in_ring++;
    lane[me].last_ticket = lane[me].at
}

/* Claimed by somebody, or passed. A ticket that is not open yet ends the scan. */
#if MISTAKE == SCAN_SKIPS_NOT_OPEN
#define GOES_ON(t) true
#else
#define GOES_ON(t) \
    (entry_ticket[(t) % WINDOW] > (t) || \
     (entry_ticket[(t) % WINDOW] == (t) && entry_owner[(t) % WINDOW] >= OWNED))
#endif

proctype Lane(byte me)
{
    byte t, i, s, w;            /* the ticket that is looked at; counters */
    byte sequence, base, epoch; /* the run as read */
    byte place;                 /* of the batch */
    bool woken, found;
    do
    ::
        {
            MERGED {
                atomic {
                    gone[me] = false;
#if BLOCKS
                    check_blocks(me)
#endif
                };
                find_left(me);
                if
                :: lane[me].at > 0 -> goto claimed
                :: else
                fi
            }

look:       MERGED {
                if
                :: lane[me].in_ring < AHEAD -> t = position /* R2, then P2 */
                :: else -> goto nothing                     /* far enough ahead */
                fi;
scan:           atomic {
                    if
                    :: entry_ticket[t % WINDOW] == t && entry_owner[t % WINDOW] == OPEN -> /* C2 */
#if MISTAKE == CLAIM_IN_TWO_STEPS
                        goto store
#else
                        claim(me);
                        goto claimed
#endif
                    :: else -> i++
                    fi;
                    if
                    :: i < WINDOW && GOES_ON(t) ->
                        t++;
                        goto scan
                    :: else ->
                        t = 0;
                        i = 0
                    fi
                }
            };
nothing:    if /* prepare and look again, then sleep */
#if MISTAKE == SLEEP_WITHOUT_LOOK
            :: atomic { waiter[me] == AWAY -> event_prepare(OPENED, me) }
               event_wait(OPENED, me)
#else
            :: atomic { waiter[me] == AWAY -> event_prepare(OPENED, me); goto look }
            :: atomic { waiter[me] != AWAY -> event_wait(OPENED, me) }
#endif
            fi;
end_asleep: atomic { waiter[me] != ASLEEP -> goto look }

#if MISTAKE == CLAIM_IN_TWO_STEPS
store:      atomic { claim(me) }
#endif
claimed:    MERGED {
                atomic { run_sequence % 2 == 0 -> sequence = run_sequence } /* S2 */
                base = run_base;
                epoch = run_epoch;
                atomic {
                    if
                    :: sequence != run_sequence -> goto claimed
                    :: else -> sequence = 0
                    fi;
                    if
                    :: lane[me].at < base -> lane[me].at = 0 /* dropped */
                    :: else -> lane[me].meaning = MEANING(epoch, lane[me].at - base)
                    fi;
                    base = 0;
                    epoch = 0;
                    if
                    :: lane[me].at == 0 -> goto look
                    :: else
                    fi
                }
            }
            /* sampled: nothing that others see */
#if BLOCKS
            reserve(me); /* reserved */
#if MISTAKE == PUBLISH_BEFORE_WRITTEN
            d_step { publish(me) }
            d_step { lane[me].message[place] = HALF }
#else
            d_step {
                check_place(me);
                lane[me].message[place] = HALF /* gather */
            }
#endif
            lane[me].message[place] = lane[me].meaning; /* written */
#endif
            d_step {
#if MISTAKE != PUBLISH_BEFORE_WRITTEN
                publish(me);
#endif
                place = 0;
                lane[me].at = 0;
                lane[me].meaning = 0
            }
            event_signal(PUBLISHED);
            goto look
        } unless {
            d_step {
                dead[WORKER(me)] -> gone[me] = true;
                waiter[me] = AWAY;
                lane[me].at = 0;
                lane[me].meaning = 0;
                t = 0;
                i = 0;
                s = 0;
                w = 0;
                sequence = 0;
                base = 0;
                epoch = 0;
                place = 0;
                woken = false;
                found = false
            }
        };
        !dead[WORKER(me)] /* and on as the successor */
    od
}
