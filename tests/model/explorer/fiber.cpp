#include "fiber.hpp"

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)

// swapcontext makes two system calls a switch for the signal mask; a search makes some ten
// million switches a second. Only what a callee must preserve is kept.
asm(R"(
.pushsection .text
.p2align 4
.globl filch_model_switch
.type filch_model_switch, @function
filch_model_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size filch_model_switch, .-filch_model_switch
.popsection
)");
extern "C" void filch_model_switch(void** from, void* to);

namespace model {

void fiber::restart(void (*entry)()) {
  if (!stack_) stack_ = std::make_unique<std::byte[]>(stack_size);
  // From the top: a null return address for the entry, the entry itself, six registers.
  auto end = reinterpret_cast<std::uintptr_t>(stack_.get() + stack_size) & ~std::uintptr_t{15};
  void* frame[8] = {};
  frame[6] = reinterpret_cast<void*>(entry);
  top_ = reinterpret_cast<void*>(end - sizeof frame);
  std::memcpy(top_, frame, sizeof frame);
}

void fiber::switch_to(fiber& next) { filch_model_switch(&top_, next.top_); }

}  // namespace model

#else

namespace model {

void fiber::restart(void (*entry)()) {
  if (!stack_) stack_ = std::make_unique<std::byte[]>(stack_size);
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_.get();
  context_.uc_stack.ss_size = stack_size;
  context_.uc_link = nullptr;
  makecontext(&context_, entry, 0);
}

void fiber::switch_to(fiber& next) { swapcontext(&context_, &next.context_); }

}  // namespace model

#endif
