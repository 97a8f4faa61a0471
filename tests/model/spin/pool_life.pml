/* The life of a pool: core/src/pool/gate.hpp counts accepted work; close stops new work from
 * outside, work that is inside may bring more; join waits until the gate is drained, then the
 * workers end. Checked for all interleavings: join always returns (no invalid end state), what was
 * accepted has run by then, nothing is accepted or run after it, and the gate is drained once.
 *
 * -DCLOSE_FORGETS, -DINSIDE_REFUSED, -DLEAVE_BEFORE_SPAWN, -DENTER_UNCHECKED plant defects; each
 * must be found. */
#define WORKERS 2
#define CALLERS 2
#define SPAWNS 1 /* jobs that jobs bring along */

bool closed, drained, joined, stop;
byte inside, accepted, ran, queued, spawned, ended;

inline enter(from_inside, ok) {
  atomic {
    if
#ifdef ENTER_UNCHECKED
    :: true -> inside++; ok = true
#else
    :: closed && (!from_inside || inside == 0) -> ok = false
    :: else -> inside++; ok = true
#endif
    fi;
    if
    :: ok -> assert(!joined); accepted++
    :: else -> skip
    fi
  }
}
inline leave() {
  atomic {
    assert(inside > 0);
    inside--;
    if
    :: inside == 0 && closed -> assert(!drained); drained = true
    :: else -> skip
    fi
  }
}

proctype caller() {
  bool ok;
  enter(false, ok);
  if
  :: ok -> queued++ /* accepted, and queued only later: close may come in between */
  :: else -> assert(closed)
  fi
}

proctype worker() {
  bool ok, mine;
  do
  :: atomic { queued > 0 -> queued-- };
#ifdef LEAVE_BEFORE_SPAWN
     leave();
#endif
     atomic {
       mine = spawned < SPAWNS;
       if
       :: mine -> spawned++
       :: else -> skip
       fi
     };
     if
     :: mine ->
#ifdef INSIDE_REFUSED
        enter(false, ok);
#else
        enter(true, ok);
#endif
        assert(ok); /* work of work is never refused */
        queued++
     :: else -> skip
     fi;
     atomic { assert(!joined); ran++ };
#ifndef LEAVE_BEFORE_SPAWN
     leave()
#endif
  :: stop && queued == 0 -> break
  od;
  ended++
}

/* Any number of threads may close; one of them joins. */
proctype closer(bool joins) {
  atomic {
    if
    :: !closed ->
       closed = true;
#ifndef CLOSE_FORGETS
       if
       :: inside == 0 -> assert(!drained); drained = true
       :: else -> skip
       fi
#endif
    :: else -> skip
    fi
  };
  if
  :: joins ->
     drained;
     stop = true;
     ended == WORKERS;
     atomic { joined = true; assert(ran == accepted && queued == 0 && inside == 0) }
  :: else -> skip
  fi
}

init {
  atomic {
    byte i;
    for (i : 1 .. CALLERS) { run caller() }
    for (i : 1 .. WORKERS) { run worker() }
    run closer(true);
    run closer(false)
  }
}
