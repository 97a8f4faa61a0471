/* Parking as a protocol: workers that find no job announce themselves, look once more, and sleep;
 * producers queue a job, look for sleepers, and wake one. Every step is seen by all at once: that
 * the fences make it so is the explorer's part. What is checked here is the whole of it, with all
 * interleavings of two workers and two producers: no job is left while all sleep (spin reports an
 * invalid end state), and in the end every job was run once.
 *
 * -DNO_SECOND_LOOK, -DNO_EPOCH, -DNO_WAKE plant defects; each must be found. */
#define WORKERS 2
#define PRODUCERS 2
#define JOBS 2 /* of each producer */
#define ALL (PRODUCERS * JOBS)

byte queued, ran, sleepers, epoch;
bool asleep[WORKERS]; /* in the kernel */

/* Wakes whoever sleeps; which one is left open. */
inline wake_one() {
  atomic {
    if
    :: asleep[0] -> asleep[0] = false
    :: asleep[1] -> asleep[1] = false
    :: !asleep[0] && !asleep[1] -> skip
    fi
  }
}
inline wake_all() {
  atomic { asleep[0] = false; asleep[1] = false }
}
inline bump() {
#ifndef NO_EPOCH
  epoch++;
#else
  skip;
#endif
}

proctype producer() {
  byte n, seen;
  for (n : 1 .. JOBS) {
    queued++;
    seen = sleepers;
    if
    :: seen > 0 ->
       bump();
#ifndef NO_WAKE
       wake_one()
#endif
    :: else -> skip
    fi
  }
}

proctype worker(byte me) {
  byte key;
  do
  :: ran == ALL -> break
  :: atomic { queued > 0 -> queued-- };
     atomic { ran++; assert(ran <= ALL) };
     if
     :: ran == ALL -> bump(); wake_all()
     :: else -> skip
     fi
  :: queued == 0 && ran < ALL ->
     sleepers++;
     key = epoch;
     if
#ifndef NO_SECOND_LOOK
     :: queued > 0 || ran == ALL -> sleepers--
     :: else ->
#else
     :: true ->
#endif
        do
        :: epoch != key -> break
        :: atomic { epoch == key -> asleep[me] = true }; /* the kernel compares and sleeps at once */
           !asleep[me]
#ifdef NO_EPOCH
           -> break
#endif
        od;
        sleepers--
     fi
  od
}

init {
  atomic {
    byte i;
    for (i : 1 .. PRODUCERS) { run producer() }
    for (i : 0 .. WORKERS - 1) { run worker(i) }
  }
  _nr_pr == 1;
  assert(ran == ALL && queued == 0 && sleepers == 0)
}
