#pragma once

#include <filch/filch.hpp>

#include <string>
#include <utility>

#include "workload.hpp"

namespace filch::bench::map_ints {

/// filch, whatever engine is under it, as a user calls it.
class filch_runtime final : public runtime {
 public:
  filch_runtime(std::string name, std::unique_ptr<engine> engine)
      : name_(std::move(name)), pool_(std::move(engine)) {}
  std::string name() const override { return name_; }
  numbers map(const numbers& xs) override { return pool_.map(next_int{}, xs); }
  void map_into(numbers& out, const numbers& xs) override { pool_.map_into(out, next_int{}, xs); }

 private:
  std::string name_;
  pool pool_;
};

}  // namespace filch::bench::map_ints
