#pragma once

#include <filch/detail/bound.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// The pool of the running job, else the default pool, as something that has verbs: the free
/// function objects forward to a verb mixin of it.
template <template <class> class Verbs>
class current_verbs : public Verbs<current_verbs<Verbs>> {
 public:
  detail::bound bound() const { return {current_pool(), no_options()}; }
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
