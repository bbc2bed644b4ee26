// SPDX-License-Identifier: Apache-2.0
#pragma once
// Real restores whose loads end with something of a test: time that passes, a wait, a failure.

#include "controller/ports/restore_database.h"

#include <functional>

namespace ripcord {

class HeldLoads final : public RestoreDatabases {
 public:
  // `real` outlives this, and this what it opens. `loaded` runs on the thread of the load.
  HeldLoads(RestoreDatabases& real, std::function<Status()> loaded)
      : real_(real), loaded_(std::move(loaded)) {}
  using RestoreDatabases::open;
  Result<OpenedRestore> open(const RestoreOrder& order) override {
    ASSIGN_OR_RETURN(OpenedRestore opened, real_.open(order));
    opened.target = std::make_unique<Target>(std::move(opened.target), loaded_);
    return opened;
  }

 private:
  class Target final : public RestoreTarget {
   public:
    Target(std::unique_ptr<RestoreTarget> real, const std::function<Status()>& loaded)
        : real_(std::move(real)), loaded_(loaded) {}
    Result<RestoreState> read() override { return real_->read(); }
    Status load(const Backup& backup, std::stop_token stop) override {
      RETURN_IF_ERROR(real_->load(backup, stop));
      return loaded_();
    }
    Result<std::vector<TableRows>> count(std::stop_token stop) override {
      return real_->count(stop);
    }
    Result<std::int64_t> query(const std::string& sql, std::stop_token stop) override {
      return real_->query(sql, stop);
    }
    Result<SwapReport> swap(std::stop_token stop) override { return real_->swap(stop); }

   private:
    std::unique_ptr<RestoreTarget> real_;
    const std::function<Status()>& loaded_;
  };

  RestoreDatabases& real_;
  const std::function<Status()> loaded_;
};

}  // namespace ripcord
