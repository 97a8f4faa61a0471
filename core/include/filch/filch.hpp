#pragma once

/// \file
/// All of filch's core, for programs. Inside a library include what you use; adapters
/// (`filch/tbb.hpp`, `filch/http.hpp`, `filch/select.hpp`, `filch/serial.hpp`) have headers of
/// their own.

#include <filch/algorithm.hpp>
#include <filch/blocking.hpp>
#include <filch/engine.hpp>
#include <filch/error.hpp>
#include <filch/exit.hpp>
#include <filch/fork_join.hpp>
#include <filch/future.hpp>
#include <filch/graph.hpp>
#include <filch/graph_run.hpp>
#include <filch/hedge.hpp>
#include <filch/imap.hpp>
#include <filch/io.hpp>
#include <filch/map.hpp>
#include <filch/map_async.hpp>
#include <filch/options.hpp>
#include <filch/outcome.hpp>
#include <filch/pool.hpp>
#include <filch/pool_options.hpp>
#include <filch/progress.hpp>
#include <filch/promise.hpp>
#include <filch/queue.hpp>
#include <filch/race.hpp>
#include <filch/ranges.hpp>
#include <filch/reduce.hpp>
#include <filch/retry.hpp>
#include <filch/scope.hpp>
#include <filch/signals.hpp>
#include <filch/stop.hpp>
#include <filch/subgraph.hpp>
#include <filch/submit.hpp>
#include <filch/this_job.hpp>
#include <filch/verbs.hpp>
#include <filch/when.hpp>
#include <filch/worker_local.hpp>
