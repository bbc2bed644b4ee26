// SPDX-License-Identifier: Apache-2.0
#pragma once
// SHA-256 of bytes that come in pieces, readable after each. One thread at a time.

#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace ripcord {

class RunningSha256 {
 public:
  RunningSha256();
  ~RunningSha256();
  RunningSha256(const RunningSha256&) = delete;
  RunningSha256& operator=(const RunningSha256&) = delete;

  void update(std::string_view bytes);
  std::string digest() const;  // 32 bytes, of everything so far

 private:
  evp_md_ctx_st* state_;
};

}  // namespace ripcord
