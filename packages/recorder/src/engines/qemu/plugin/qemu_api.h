/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few functions of QEMU's plugin interface that we use, declared here and found by dlsym, so
 * that one shared object loads in every QEMU from interface version 1 (7.2) to 7 (11.1).
 * What changed between versions is hidden in qemu_api.c:
 *   below 3   insn_data returns a pointer; from 3 on it copies into a buffer
 *   below 7   callbacks get the plugin id first; from 7 on they get user data last instead
 */
#ifndef BACKTRAIL_QEMU_API_H
#define BACKTRAIL_QEMU_API_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As QEMU passes it to qemu_plugin_install. */
struct qemu_info {
  const char *target_name;
  struct {
    int min, cur;
  } version;
  bool system_emulation;
};

typedef void (*qemu_tb_exec_fn)(unsigned index, void *data);

struct qemu_calls {
  size_t (*tb_n_insns)(const void *tb);
  uint64_t (*tb_vaddr)(const void *tb);
  void *(*tb_get_insn)(const void *tb, size_t index);
  uint64_t (*insn_vaddr)(const void *insn);
  size_t (*insn_size)(const void *insn);
  void *(*insn_haddr)(const void *insn);
  char *(*insn_disas)(const void *insn); /* to be freed; or NULL */
  void *insn_data; /* use qemu_insn_bytes() */
  void (*register_vcpu_tb_exec_cb)(void *tb, qemu_tb_exec_fn fn, int flags, void *data);
  void (*register_vcpu_insn_exec_cb)(void *insn, qemu_tb_exec_fn fn, int flags, void *data);
  void (*register_vcpu_tb_trans_cb)(uint64_t id, void *fn, void *data);
  void (*register_vcpu_init_cb)(uint64_t id, void *fn, void *data);
  void (*register_vcpu_exit_cb)(uint64_t id, void *fn, void *data);
  void (*register_atexit_cb)(uint64_t id, void *fn, void *data);
  void (*register_flush_cb)(uint64_t id, void *fn, void *data);
  void (*register_vcpu_syscall_cb)(uint64_t id, void *fn, void *data);
  void (*register_vcpu_syscall_ret_cb)(uint64_t id, void *fn, void *data);
  /* Not part of the plugin interface; NULL where this QEMU does not export it. */
  const uint64_t *(*tcg_tb_lookup)(uintptr_t host_pc);
  const uintptr_t *guest_base;
  /* A negative answer is success; mask 0 only reads. */
  int (*riscv_csrrw_debug)(void *env, int number, uint64_t *old, uint64_t value, uint64_t mask);
  int (*riscv_mmu_index)(void *env, bool for_code); /* the privilege level */
  void *(*get_cpu)(int index);
  void (*tb_flush)(void *cpu); /* throws all translations away, soon */
  uint64_t (*start_code)(void); /* of the program, in user mode */
  /* Guest memory by virtual address, as a debugger sees it; 0 is success. */
  int (*cpu_memory_rw_debug)(void *cpu, uint64_t at, void *bytes, size_t size, bool is_write);
};

struct qemu_syscall {
  unsigned index;
  int64_t number;
  uint64_t arguments[8];
};

/* What the plugin does at each event; called with the same arguments on every version. */
struct qemu_handlers {
  void (*translated)(void *tb);
  void (*vcpu_started)(unsigned index);
  void (*vcpu_ended)(unsigned index);
  void (*flushed)(void);
  void (*ending)(void);
  void (*syscall)(const struct qemu_syscall *call);
  void (*syscall_returned)(unsigned index, int64_t number, int64_t result);
};

extern struct qemu_calls qemu;
extern int qemu_api_version; /* info->version.cur */

/* Finds the functions; NULL, or the name of the one that is missing. */
const char *qemu_api_find(const struct qemu_info *info);
void qemu_api_register(uint64_t id, const struct qemu_handlers *handlers, bool system);
/* Copies up to `size` bytes of the instruction; the number copied. */
size_t qemu_insn_bytes(void *insn, uint8_t *into, size_t size);

#endif
