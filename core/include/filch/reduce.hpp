#pragma once

#include <cstddef>
#include <functional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <filch/detail/free_verbs.hpp>
#include <filch/detail/map_call.hpp>
#include <filch/detail/phases.hpp>
#include <filch/detail/reduce_tree.hpp>
#include <filch/error.hpp>

/// \file
/// Folding a range: `reduce`, `transform_reduce`, `scan`.
///
/// `op` must be associative and need not commute. Where brackets stand depends only on the number
/// of elements and `.chunk`, so a result is the same to the last bit for every worker count and
/// engine. `op` is called by several threads at once.

namespace filch {
inline namespace v0 {
namespace detail {

/// Errors by the index of the element, not of the block it was in.
class block_errors {
 public:
  explicit block_errors(std::size_t blocks) : items_(blocks) {}
  void at(std::size_t block, std::size_t element) noexcept { items_[block].index = element; }
  void keep(std::size_t block, std::exception_ptr error) noexcept {
    items_[block].error = std::move(error);
  }
  void throw_any() {
    std::erase_if(items_, [](const item_error& e) { return !e.error; });
    if (!items_.empty()) throw errors_list(std::move(items_));
  }

 private:
  std::vector<item_error> items_;
};

template <class Given, class T, class Caller, class R, class Op>
T reduce_call(const bound& b, R& range, T init, Op& op, Caller f, const job_options& options) {
  static_assert(std::is_move_assignable_v<T>, "filch: the type of init must be assignable");
  static_assert(std::is_invocable_v<Op&, T, T>,
                "filch: reduce needs op(T, T), T being the type of init");
  require_bounded<R>();
  call_scope call(b.core, options.lane, options.name, options.stop);
  auto source = make_source<Given>(range);
  auto step = step_of(f, source);
  const auto n = source.size();
  const auto size = block_size(n, options.chunk);
  const auto blocks = blocks_of(n, size);
  phases loop(call, options, n, 1);
  loop.options().errors = options.errors;
  reduce_tree<T> tree(blocks);
  block_errors failures(options.errors == errors::collect ? blocks : 0);

  const auto fold = [&](std::size_t block) {
    std::size_t i = block * size;
    const std::size_t end = std::min(n, i + size);
    try {
      tree.put(
          block,
          [&]() -> T {
            auto own = step;
            T sum = static_cast<T>(own(i));
            while (++i < end) {
              sum = static_cast<T>(std::invoke(op, std::move(sum), static_cast<T>(own(i))));
            }
            return sum;
          },
          op);
    } catch (...) {
      if (options.errors == errors::collect) failures.at(block, std::min(i, end - 1));
      throw;
    }
  };
  loop.run(blocks, size, fold, [&](std::size_t block, std::exception_ptr error) {
    failures.keep(block, std::move(error));
  });
  failures.throw_any();
  if (n == 0) return init;
  return static_cast<T>(std::invoke(op, std::move(init), std::move(tree.root())));
}

/// What `reduce` does to an element before it is folded: nothing.
struct as_it_is {
  template <class X>
  X operator()(X&& x) const {  // a reference only where x outlives the call
    return std::forward<X>(x);
  }
};

/// Every prefix of a range folded: blocks on their own first, then what is left of each block is
/// put in front of its results.
template <class Given, class T, class R, class Op>
std::vector<T> scan_call(const bound& b, R& range, const T* init, Op& op,
                         const job_options& options) {
  static_assert(std::is_copy_constructible_v<T> && std::is_move_assignable_v<T>,
                "filch::scan: the results must be copyable");
  require_bounded<R>();
  call_scope call(b.core, options.lane, options.name, options.stop);
  auto source = make_source<Given>(range);
  as_it_is same;
  auto step = step_of(same, source);
  const auto n = source.size();
  const auto size = block_size(n, options.chunk);
  const auto blocks = blocks_of(n, size);
  phases loop(call, options, n, 2);
  results<T> out(n);
  const auto at = out.write();
  loop.run(blocks, size, [&op, step, at, size, n](std::size_t block) mutable {
    std::size_t i = block * size;
    const std::size_t end = std::min(n, i + size);
    at.put(i, [&] { return static_cast<T>(step(i)); });
    while (++i < end) {
      at.put(i, [&] {
        return static_cast<T>(std::invoke(op, std::as_const(at[i - 1]), static_cast<T>(step(i))));
      });
    }
  });
  // before[k]: the fold of all in front of block k + skipped.
  const std::size_t skipped = init ? 0 : 1;
  struct prefix {
    T value;
  };
  std::vector<prefix> before;
  before.reserve(blocks);
  if (init) before.push_back({*init});
  for (std::size_t block = 0; block + 1 < blocks; ++block) {
    const T& last = at[(block + 1) * size - 1];
    if (before.empty()) {
      before.push_back({last});
    } else {
      const T& sum = before.back().value;
      before.push_back({static_cast<T>(std::invoke(op, sum, T(last)))});
    }
  }
  const auto left = blocks > skipped ? blocks - skipped : 0;
  loop.run(left, size, [&op, &before, at, size, n, skipped](std::size_t k) {
    const T& sum = before[k].value;
    std::size_t i = (k + skipped) * size;
    for (const std::size_t end = std::min(n, i + size); i < end; ++i) {
      at[i] = static_cast<T>(std::invoke(op, sum, std::move(at[i])));
    }
  });
  return out.take();
}

}  // namespace detail

/// `reduce` and its kin for pools and views. `options`, where given, replace those of the view.
/// `.chunk` is the number of elements folded in a row, `.timeout_each` the time for one such row.
template <class Self>
class reduce_verbs {
 public:
  /// Folds `init` and the elements with `op`: `init op x0 op x1 ...`, in this order, bracketed as
  /// it suits. Each element is converted to the type of `init` first; `init` is combined once.
  /// Throws: as `map`; the error of an element that could not be folded has that element's index,
  /// one of two folds the index of the later.
  template <class Xs, class T, class Op>
  T reduce(Xs&& xs, T init, Op op, const job_options& options = detail::no_options()) const {
    const auto b = self().bound();
    return detail::reduce_call<Xs>(b, xs, std::move(init), op, detail::as_it_is{},
                                   detail::chosen(b, options));
  }
  /// As `reduce`, of `f(x)` instead of x; f is called once for each element.
  template <class Xs, class T, class Op, class F>
  T transform_reduce(Xs&& xs, T init, Op op, F&& f,
                     const job_options& options = detail::no_options()) const {
    const auto b = self().bound();
    return detail::reduce_call<Xs>(b, xs, std::move(init), op, detail::caller_of<false>(f),
                                   detail::chosen(b, options));
  }
  /// The fold of the first element, the first two, ... up to all of them: `std::inclusive_scan`.
  /// Throws: the error of the lowest block, whatever `.errors` says.
  /// Cost: calls `op` twice for most elements.
  template <class Xs, class Op>
  auto scan(Xs&& xs, Op op, const job_options& options = detail::no_options()) const {
    using value = std::ranges::range_value_t<Xs>;
    const auto b = self().bound();
    return detail::scan_call<Xs, value>(b, xs, nullptr, op, detail::chosen(b, options));
  }
  /// As `scan`, with `init` in front of the first element.
  template <class Xs, class T, class Op>
    requires(!std::is_convertible_v<Op, const job_options&>)
  auto scan(Xs&& xs, T init, Op op, const job_options& options = detail::no_options()) const {
    const auto b = self().bound();
    return detail::scan_call<Xs, T>(b, xs, std::addressof(init), op, detail::chosen(b, options));
  }

 private:
  const Self& self() const noexcept { return static_cast<const Self&>(*this); }
};

namespace detail {

struct reduce_fn {
  template <class Xs, class T, class Op>
  T operator()(Xs&& xs, T init, Op op, const job_options& options = no_options()) const {
    return current_verbs<reduce_verbs>{}.reduce(std::forward<Xs>(xs), std::move(init),
                                                std::move(op), options);
  }
};
struct transform_reduce_fn {
  template <class Xs, class T, class Op, class F>
  T operator()(Xs&& xs, T init, Op op, F&& f, const job_options& options = no_options()) const {
    return current_verbs<reduce_verbs>{}.transform_reduce(std::forward<Xs>(xs), std::move(init),
                                                          std::move(op), f, options);
  }
};
struct scan_fn {
  template <class Xs, class Op>
  auto operator()(Xs&& xs, Op op, const job_options& options = no_options()) const {
    return current_verbs<reduce_verbs>{}.scan(std::forward<Xs>(xs), std::move(op), options);
  }
  template <class Xs, class T, class Op>
    requires(!std::is_convertible_v<Op, const job_options&>)
  auto operator()(Xs&& xs, T init, Op op, const job_options& options = no_options()) const {
    return current_verbs<reduce_verbs>{}.scan(std::forward<Xs>(xs), std::move(init), std::move(op),
                                              options);
  }
};

}  // namespace detail

/// `reduce(xs, init, op[, options])`: `reduce_verbs::reduce` on the pool of the running job, else
/// on the default pool.
inline constexpr detail::reduce_fn reduce{};
/// `transform_reduce(xs, init, op, f[, options])`: `reduce_verbs::transform_reduce`, likewise.
inline constexpr detail::transform_reduce_fn transform_reduce{};
/// `scan(xs, [init,] op[, options])`: `reduce_verbs::scan`, likewise.
inline constexpr detail::scan_fn scan{};

}  // namespace v0
}  // namespace filch
