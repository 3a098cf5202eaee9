/* SPDX-License-Identifier: Apache-2.0 */
/* The parent (stream.pml): its supervisor, which sees deaths and starts successors, and its
 * consumer, which begins runs and takes batches. */

/* -- Supervisor -------------------------------------------------------------------------------- */

#if CONCURRENCY == 1
#define SOME_GONE(worker) gone[worker]
#define ALL_GONE(worker) gone[worker]
#else
#define SOME_GONE(worker) (gone[2 * (worker)] || gone[2 * (worker) + 1])
#define ALL_GONE(worker) (gone[2 * (worker)] && gone[2 * (worker) + 1])
#endif

/* One instance for each worker: more at once than the one thread does. It kills, too. */
proctype Supervisor(byte worker)
{
    byte i, s, w;
    bool woken, found;
end:
    do
    :: d_step {
           deaths_left > 0 && !dead[worker] && !SOME_GONE(worker) ->
           dead[worker] = true;
           deaths_left--
       }
    :: MERGED {
           atomic { /* reaped */
               dead[worker] && ALL_GONE(worker);
#if BLOCKS
               forget_segments(CONCURRENCY * worker);
#if CONCURRENCY > 1
               forget_segments(CONCURRENCY * worker + 1)
#endif
#endif
           };
           atomic {
#if MISTAKE != NO_SIGNAL_AFTER_DEATH
               event_count(PUBLISHED);
#endif
               if
               :: !woken ->
                   dead[worker] = false; /* started */
                   goto end
               :: else
               fi
           }
       };
       d_step {
           event_wake(PUBLISHED);
           dead[worker] = false
       }
#if BLOCKS
    :: d_step { lane[CONCURRENCY * worker].need -> give_segment(CONCURRENCY * worker) }
#if CONCURRENCY > 1
    :: d_step { lane[CONCURRENCY * worker + 1].need -> give_segment(CONCURRENCY * worker + 1) }
#endif
#endif
    od
}

/* -- The oldest descriptor of a lane ----------------------------------------------------------- */

#define BELOW(l, t) (lane[l].in_ring > 0 && lane[l].ticket[0] < (t)) /* R1 */

inline pop(l) /* W2 */
{
    for (w : 1 .. AHEAD - 1) {
        lane[l].ticket[w - 1] = lane[l].ticket[w];
#if BLOCKS
        lane[l].place[w - 1] = lane[l].place[w];
#else
        lane[l].message[w - 1] = lane[l].message[w];
#endif
    }
    lane[l].ticket[AHEAD - 1] = 0;
#if BLOCKS
    lane[l].place[AHEAD - 1] = 0;
    lane[l].settled = false;
#else
    lane[l].message[AHEAD - 1] = 0;
#endif
    lane[l].in_ring--;
    w = 0
}

inline drop(l)
{
#if BLOCKS
    d_step {
        place = lane[l].place[0];
        give_back(l, place);
        lane[l].settled = true;
        place = 0
    }
#endif
    d_step { pop(l) }
}

inline take(l)
{
#if BLOCKS
    place = lane[l].place[0];
#if MISTAKE == POP_BEFORE_LEND
    d_step { pop(l) }
    d_step { lend(l, place) }
#else
    d_step {
        assert(lane[l].message[place] == MEANING(runs, t - run_base));
        lend(l, place);
        lane[l].settled = true
    }
    d_step { pop(l) }
#endif
    place = 0
#else
    d_step {
        assert(lane[l].message[0] == MEANING(runs, t - run_base));
        pop(l)
    }
#endif
}

/* -- A new run --------------------------------------------------------------------------------- */

/* Closes the run that stands at t; then t is the base of the next. */
inline close()
{
    do
    :: atomic {
           i < WINDOW -> assert(entry_ticket[(t + i) % WINDOW] == t + i);
           if
#if MISTAKE != NO_CLOSE
           :: entry_owner[(t + i) % WINDOW] == OPEN -> entry_owner[(t + i) % WINDOW] = CLOSED
#endif
           :: entry_owner[(t + i) % WINDOW] >= OWNED -> claimed = true
           :: else
           fi;
           i++
       }
    :: atomic {
           i == WINDOW -> i = 0;
#if MISTAKE != BASE_IS_POSITION
           t = (claimed -> t + WINDOW : t);
#endif
           end = t + COUNT;
           claimed = false;
           break
       }
    od
}

inline drop_published()
{
#if MISTAKE == NO_DROP
    skip
#else
    do
    :: atomic { i < LANES && BELOW(i, t) -> skip }
       drop(i)
    :: atomic { i < LANES && !BELOW(i, t) -> i++ }
    :: atomic { i == LANES -> i = 0; break }
    od
#endif
}

inline write_run()
{
    run_sequence++; /* S1 */
    run_base = t;
    run_epoch++;
    run_sequence++
}

inline open(ticket)
{
    d_step { /* O1 */
        entry_ticket[(ticket) % WINDOW] = ticket;
        entry_owner[(ticket) % WINDOW] = (ticket < end -> OPEN : CLOSED)
    }
}

/* When all entries are the new run's, states become equal that differ in no more than what tickets
 * are called: those below the base are not distinguished any more, and the base is FIRST again.
 * With FINE a lane may just be looking at a ticket, so there tickets keep their numbers. */
inline forget_old_run()
{
    d_step {
        i = (FINE -> 0 : run_base - FIRST);
        for (l : 0 .. LANES - 1) {
            lane[l].last_ticket = (lane[l].last_ticket < run_base -> 0 : lane[l].last_ticket - i);
            if
            :: lane[l].at >= run_base -> lane[l].at = lane[l].at - i
            :: lane[l].at > 0 && lane[l].at < run_base ->
                lane[l].at = 1;
                lane[l].meaning = 0
            :: else
            fi;
            for (w : 0 .. AHEAD - 1) {
                if
                :: lane[l].ticket[w] >= run_base -> lane[l].ticket[w] = lane[l].ticket[w] - i
                :: lane[l].ticket[w] > 0 && lane[l].ticket[w] < run_base -> lane[l].ticket[w] = 1
                :: else
                fi
            }
        }
        position = position - i;
        run_base = run_base - i;
        t = t - i;
        end = end - i;
        do /* a ticket lies in entry ticket mod WINDOW, also then */
        :: i % WINDOW > 0 ->
            l = entry_owner[0];
            for (w : 1 .. WINDOW - 1) {
                entry_owner[w - 1] = entry_owner[w]
            }
            entry_owner[WINDOW - 1] = l;
            i--
        :: else -> break
        od;
        for (w : 0 .. WINDOW - 1) {
            entry_ticket[(t + w) % WINDOW] = t + w
        }
        i = 0;
        l = 0;
        w = 0
    }
}

inline open_run()
{
    MERGED {
        position = t; /* P1 */
        open(t)
    };
    do
    :: atomic {
           i < WINDOW - 1 -> i++;
           open(t + i)
       }
    :: atomic {
           i == WINDOW - 1 -> i = 0;
           forget_old_run();
           break
       }
    od
}

/* -- Consumer ---------------------------------------------------------------------------------- */

proctype Consumer()
{
    byte t = FIRST, end, runs; /* position; end of the run; runs begun */
    byte l, i, w, place;
    bool woken, claimed;

begin: /* a new run */
    MERGED { close() };
    MERGED {
        drop_published();
#if MISTAKE == OPEN_BEFORE_RUN
        skip
    };
    open_run();
    MERGED { write_run() };
#else
        write_run()
    };
    open_run();
#endif
    event_signal(OPENED);
    runs++;

next:
    MERGED {
        if
        :: t == end && runs == RUNS -> goto done
        :: runs < RUNS -> /* at its end, or abandoned */
            waiter[CONSUMER] = AWAY;
            goto begin
        :: atomic { t < end && entry_owner[t % WINDOW] < OWNED -> goto nothing }
        :: atomic { /* T1 */
               t < end && entry_owner[t % WINDOW] >= OWNED -> assert(entry_ticket[t % WINDOW] == t);
               l = entry_owner[t % WINDOW] - OWNED
           }
        fi;
        do
        :: atomic { BELOW(l, t) -> skip }
           drop(l)
        :: atomic { lane[l].in_ring == 0 -> goto nothing }
        :: atomic { lane[l].in_ring > 0 && !BELOW(l, t) -> assert(lane[l].ticket[0] == t); break }
        od;
        waiter[CONSUMER] = AWAY;
        take(l);
        position = t + 1; /* pass: P1 */
#if MISTAKE == SIGNAL_BEFORE_OPEN
        skip
    };
    event_signal(OPENED);
    MERGED {
#endif
        atomic {
            t++;
            open(t - 1 + WINDOW)
        }
    };
#if MISTAKE != SIGNAL_BEFORE_OPEN
    event_signal(OPENED);
#endif
    goto next;

nothing: /* prepare and look again, then sleep */
    if
#if MISTAKE == SLEEP_WITHOUT_LOOK
    :: atomic { waiter[CONSUMER] == AWAY -> event_prepare(PUBLISHED, CONSUMER) }
       event_wait(PUBLISHED, CONSUMER)
#else
    :: atomic { waiter[CONSUMER] == AWAY -> event_prepare(PUBLISHED, CONSUMER); goto next }
    :: atomic { waiter[CONSUMER] != AWAY -> event_wait(PUBLISHED, CONSUMER) }
#endif
    fi;
    if
    :: atomic { waiter[CONSUMER] != ASLEEP -> goto next }
    :: atomic { /* abandoned while it sleeps */
           runs < RUNS -> waiter[CONSUMER] = AWAY;
           goto begin
       }
    fi;

done:
    assert(t == end && runs == RUNS)
}
