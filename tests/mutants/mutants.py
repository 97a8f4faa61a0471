"""The seeded defects. Each names the file, the text it replaces (which must occur exactly once),
what stands there instead, and the conformance tests that must notice."""

LOOP = "core/src/pool/loop.cpp"
LOOP_CREW = "core/src/pool/loop_crew.cpp"
WORKERS = "core/src/sched/workers.cpp"
SCHEDULER = "core/src/sched/scheduler.cpp"
FORKS = "core/src/sched/forks.cpp"
BLOCKED = "core/src/sched/blocked_threads.cpp"
SAMPLER = "core/src/sched/sampler.cpp"
MONITOR = "core/src/sched/monitor.cpp"
CREW = "core/src/sched/crew.hpp"
SPARES = "core/src/sched/spares.cpp"
WAITS = "core/src/sched/waits.cpp"
WAITING = "core/src/pool/waiting.cpp"
IO = "core/src/io/io_lane.cpp"
RACE = "core/src/io/race_state.cpp"
RACE_LATER = "core/src/io/race_answers.cpp"
RETRY_LATER = "core/src/io/retry_later.cpp"
FUTURE_STATE = "core/src/pool/future_state.cpp"
FUTURE = "core/src/pool/future_state.cpp"
API = "core/src/pool/core_api.cpp"
POOL = "core/src/pool/pool.cpp"
STREAM = "core/src/pool/stream_core.cpp"
STREAM_FLIGHT = "core/src/pool/stream_flight.cpp"
STREAM_ITEM = "core/src/pool/stream_item.cpp"
STREAM_PLAN = "core/src/pool/stream_plan.cpp"
STREAM_PLAN_H = "core/include/filch/detail/stream_plan.hpp"
SCOPE = "core/src/pool/scope_core.cpp"
TIMER = "core/src/sync/timer_queue.cpp"
STOP = "core/src/base/stop_state.cpp"

MUTANTS = [
    # ---- loops
    ("a chunk one item too long", LOOP,
     "hi = std::min(n_, lo + want);", "hi = std::min(n_, lo + want + 1);", "map"),
    ("an item left out between two chunks", LOOP,
     "lo = next_.fetch_add(want, ", "lo = next_.fetch_add(want + 1, ", "map"),
    ("a failing item does not stop higher ones", LOOP,
     "      cut(i);\n", "", "map_errors"),
    ("the highest failing index wins", LOOP,
     "if (i < errors_.front().index)", "if (i > errors_.front().index)", "map_errors"),
    ("errors::first lets the rest run", LOOP,
     "        ctx_->stop->request_stop();\n      } else {", "      } else {", "map_errors"),
    ("an exception of an item is swallowed", LOOP,
     "  if (no_room_) return no_room_;", "  return {};", "map_errors"),
    ("a stopped loop returns as if it were whole", LOOP,
     "if (left_out_.load(std::memory_order_relaxed)) return thrown(throw_cancelled);", "", "map_errors"),
    ("in_flight is not heeded", LOOP_CREW,
     "return options_.in_flight == 0 ? chunks : std::min(chunks, options_.in_flight);",
     "return chunks;", "map"),
    ("a time limit of an item is not reported", LOOP,
     "if (limit->over.load(std::memory_order_acquire)) {", "if (false) {", "map_errors"),
    # ---- queueing and waking
    ("nobody is woken for a job", CREW,
     "    const std::size_t called = call(n);\n", "    const std::size_t called = n;\n", "submit"),
    ("an engine is not told of jobs", SCHEDULER,
     "  engine_.wake(n);\n", "", "submit"),
    ("no spare is started for a job that comes later", SCHEDULER,
     "had = spares_->activate();", "had = true;", "corners"),
    ("no spare is started for jobs that are there", SPARES,
     "  work_.worker_blocks();", "", "waiting"),
    ("waiters of a pool without workers are not nudged", SCHEDULER,
     "if (!had || workerless())", "if (!had)", "submit"),
    ("a wait runs unrelated jobs", FORKS,
     "const bool ours = is_below(&work->where(), what);", "const bool ours = true;", "waiting"),
    ("a job that was claimed runs again", SCHEDULER,
     "  if (!work->claim()) return true;\n  run_claimed", "  work->claim();\n  run_claimed",
     "submit"),
    # ---- forks
    ("a question that is answered wakes nobody", FORKS,
     "  crew_.wake_for_forks();\n", "", "fork_join"),
    ("the error of a stolen half is lost", "core/include/filch/fork_join.hpp",
     "      self.failed = true;\n", "", "fork_join"),
    ("nobody asks, and nobody takes by force", FORKS,
     "  if (!got) return nullptr;\n  me.stolen", "  if (!got || true) return nullptr;\n  me.stolen",
     "fork_join"),
    ("a loop is offered to nobody", LOOP_CREW,
     "if (more == 0 || !forks || forks->full()) return participate(may_leave);",
     "return participate(may_leave);", "map"),
    # ---- waiting
    ("circles of waits are not seen", WAITS,
     "      circle = true;\n", "", "waiting"),
    ("a caller from outside runs blocking jobs", WAITING,
     "if (on_io && !pool.is_inside()) return false;", "", "io_lane"),
    ("a sleeper keeps the turn of a pool without workers", WAITING,
     "    turn_pause paused;\n    blocked_worker stood_in_for(\n", "    blocked_worker stood_in_for(\n",
     "waiting"),
    ("a worker that sleeps is not replaced", WAITING,
     "    turn_pause paused;\n    blocked_worker stood_in_for(\n        current.home,",
     "    turn_pause paused;\n    blocked_worker stood_in_for(\n        nullptr,", "blocking"),
    # ---- jobs that block without a word
    ("a thread that was noticed is not counted out", BLOCKED,
     "  count_out(s);\n}\n\nvoid scheduler::goes_on", "  (void)s;\n}\n\nvoid scheduler::goes_on",
     "blocking"),
    ("a thread that was noticed is never counted in", BLOCKED,
     "  goes_on(me);\n", "  (void)me;\n", "blocking"),
    ("a crowded pool tells no monitor of open parts", "core/src/sched/scheduler.hpp",
     "    if (crew_.crowded()) watch();\n", "", "blocking"),
    ("threads in locks count like others", SAMPLER,
     "(seen.in_lock ? found_.in_locks : found_.blocked)", "found_.blocked", "blocking"),
    ("in_flight does not hold for those that stand in", LOOP_CREW,
     "if (besides_.fetch_add(1, std::memory_order_relaxed) + crew() < options_.in_flight) return true;",
     "return true;", "blocking"),
    ("a part of a loop is not opened again when its visitor has left", LOOP_CREW,
     "if (auto* const mine = extra_part::mine(*this)) mine->look_after();", "", "blocking"),
    ("a stand-in leaves a loop though somebody is in its part", LOOP_CREW,
     "if (own && !own->shut()) return false;", "", "blocking"),
    ("nobody may join a loop whose threads are blocked", BLOCKED,
     "if (!joins) continue;", "if (!joins || joins) continue;", "blocking"),
    ("a monitor whose pool ends goes on", MONITOR,
     "if (word_.is_stopping() || (pause.count() > 0", "if ((pause.count() > 0", "blocking"),
    # ---- lane::io
    ("a job is lost when the lane is full", IO,
     "    queue_.push(std::move(work));\n  }\n  if (budget_", "  }\n  if (budget_", "io_lane"),
    ("a thread of the lane never gives its place back", IO,
     "      budget_.give();\n      me.counted = false;", "      me.counted = false;", "io_lane"),
    # ---- results
    ("callbacks are forgotten", FUTURE,
     "    in_order = now->next;\n    now->call(*this);\n", "    in_order = now->next;\n", "future"),
    ("an error that nobody reads is dropped", FUTURE,
     "core_->report(error_);", "{}", "future"),
    ("a finished job is still counted as inside", FUTURE,
     "  if (accepted) leave(*core);\n", "  (void)accepted, (void)core;\n", "lifecycle"),
    ("cancel says no though the job never runs", FUTURE,
     "    return true;\n  }\n  if (!done_", "    return false;\n  }\n  if (!done_", "future"),
    # ---- the pool's life
    ("a closed pool takes calls from outside", API,
     "core.door().enter(false, n)", "core.door().enter(true, n)", "lifecycle"),
    ("the stop of a job does not reach what it spawns", API,
     "  link.hang_below(lasting_link(core, *ctx, true), std::move(user), true);",
     "  link.hang_inside(core.root_stop(), std::move(user), true);", "this_job"),
    ("stops are not passed down", "core/src/base/stop_link.cpp",
     "  for (const stop_link* link = this; link; link = link->above_) {",
     "  for (const stop_link* link = this; link; link = nullptr) {", "lifecycle"),
    ("a token does not hear of a stop above", STOP,
     "if (parent_) fresh->on_above = fresh->listen(parent_->token());", "", "this_job"),
    ("a pool ended by its own job waits for that job", POOL,
     "if (!core_->is_part_of()) {", "if (true) {", "lifecycle"),
    # ---- races
    ("losers are not asked to stop", RACE,
     "  stop_->request_stop();\n  decided_.set();", "  decided_.set();", "race_losers"),
    ("a failure does not start the next contender", RACE,
     "if (plan_.stagger.count() > 0) start_from(i + 1);", "", "race_forms"),
    ("errors of losers are not counted", "core/src/io/race_verdict.cpp",
     "if (n != 0) count_suppressed(core_, n);", "", "race"),
    ("a deadline is not kept", RACE,
     "race->end(race_verdict::timed_out);", "(void)race;", "race"),
    ("what answers later is not cancelled when the race is over", RACE_LATER,
     "one->answer.cancel(answers_lock_);", "(void)one;", "race_later"),
    ("an answer that comes later is not listened to", RACE_LATER,
     "answer->add(note.release());", "note.reset();", "race_later"),
    ("the value of what answers later is never taken", RACE_LATER,
     "    if (!error) collect(i, answer);\n", "", "race_later"),
    ("a waiter of a pool without workers does not run the contenders", RACE_LATER,
     "  if (!plan_.later) return {};", "  return {};", "race_later"),
    ("an attempt that answers later is not stopped", RETRY_LATER,
     "  present_.cancel();\n", "", "retry_later"),
    ("a pause between attempts is not ended by a stop", RETRY_LATER,
     "  if (timer != 0 && cancel_timer(*core_, timer)) {", "  if (timer == 1) {", "retry_later"),
    ("whoever could run an attempt's job is not called", RETRY_LATER,
     "  if (answer->unclaimed()) wait_registry::instance().nudge_all();\n", "", "retry_later"),
    ("a job that makes the next attempt is not shown to who waits", RETRY_LATER,
     "  present_.set(next);\n", "", "retry_later"),
    ("a cancelled job keeps what it owns until a worker comes by", FUTURE_STATE,
     "    drop_call();\n", "", "cancel"),
    # ---- streams, scopes, timers
    ("a stream runs one further ahead than it may", STREAM_PLAN,
     "return buffer;", "return buffer + 1;", "imap"),
    ("a stream that is destroyed does not stop its elements", STREAM,
     "  if (size_ != 0) stop_->request_stop();\n", "", "imap"),
    ("the limit of a key is not heeded by those that have waited", STREAM_FLIGHT,
     "if (!line.waiting.empty() && line.running < per_key_) make_ready(line);",
     "if (!line.waiting.empty()) make_ready(line);", "imap_keys"),
    ("the limit of a key is not heeded by those that come", STREAM_FLIGHT,
     "running_ < limit_ && line.running < per_key_ &&", "running_ < limit_ &&", "imap_keys"),
    ("a key at its limit holds up the others", STREAM_FLIGHT,
     "  line.waiting.push(item);\n  if (line.running < per_key_) make_ready(line);\n",
     "  line.waiting.push(item);\n", "imap_keys"),
    ("a future in flight is not cancelled with its stream", STREAM,
     "    result->cancel();\n  }\n}", "  }\n}", "imap_async"),
    ("an element that does not hear is waited for", STREAM_ITEM,
     "    if (!phase_.leave()) return;", "    return;", "imap_left"),
    ("an element is left behind that belongs to somebody else", STREAM_PLAN_H,
     "return owns && (asynchronous", "return (asynchronous", "imap_left"),
    ("an element left behind counts against the lane's limit", STREAM_ITEM,
     "  if (in_call) stream_->core_->io().leave_to(*work);\n", "", "imap_left"),
    ("a stream ends its callable under an element left behind", STREAM,
     "quiet = quiet && strays_ == 0;", "", "imap_left"),
    ("a pool waits for an element left behind", "core/include/filch/detail/stream_item.hpp",
     "{ return is_left(); }", "{ return false; }", "imap_left"),
    ("descriptors that run out lower nothing", STREAM_FLIGHT,
     "limit_ = std::max<std::size_t>(std::min(limit_, running_) / 2, 1);", "", "imap_descriptors"),
    ("an element without a descriptor fails", STREAM,
     "if (!counts_ ||", "if (true ||", "imap_descriptors"),
    ("the first error of a scope does not stop the rest", SCOPE,
     "    }\n  }\n  call_.stop().request_stop();\n", "    }\n  }\n", "scope"),
    ("a timer goes off at once", TIMER,
     "if (next <= clock::now()) {", "if (true) {", "submit"),
]
