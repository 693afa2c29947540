/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "qemu_api.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* Read by QEMU when it loads the plugin; the constructor below puts what this QEMU wants. */
__attribute__((visibility("default"))) int qemu_plugin_version = 1;

struct qemu_calls qemu;
int qemu_api_version;
static struct qemu_handlers handlers;

static bool exports(const char *name) { return dlsym(RTLD_DEFAULT, name) != NULL; }

/*
 * No version is accepted by all releases (7.2 takes 0-1, 10.0 takes 2-4, 11.1 takes 7 alone), so
 * the symbols a release exports tell which to ask for. BACKTRAIL_QEMU_API overrides it.
 */
__attribute__((constructor)) static void negotiate_version(void) {
  const char *forced = getenv("BACKTRAIL_QEMU_API");
  if (forced) {
    qemu_plugin_version = atoi(forced);
  } else if (exports("qemu_plugin_register_vcpu_discon_cb")) {
    qemu_plugin_version = 7;
  } else if (exports("qemu_plugin_write_memory_vaddr")) {
    qemu_plugin_version = 5;
  } else if (exports("qemu_plugin_read_memory_vaddr")) {
    qemu_plugin_version = 4;
  } else if (exports("qemu_plugin_scoreboard_new")) {
    qemu_plugin_version = 2;
  }
}

static void on_translated(uint64_t id, void *tb) {
  (void)id;
  handlers.translated(tb);
}
static void on_translated_v7(void *tb, void *data) {
  (void)data;
  handlers.translated(tb);
}
static void on_started(uint64_t id, unsigned index) {
  (void)id;
  handlers.vcpu_started(index);
}
static void on_started_v7(unsigned index, void *data) {
  (void)data;
  handlers.vcpu_started(index);
}
static void on_ended(uint64_t id, unsigned index) {
  (void)id;
  handlers.vcpu_ended(index);
}
static void on_ended_v7(unsigned index, void *data) {
  (void)data;
  handlers.vcpu_ended(index);
}
static void on_flushed(uint64_t id) {
  (void)id;
  handlers.flushed();
}
static void on_flushed_v7(void *data) {
  (void)data;
  handlers.flushed();
}
static void on_ending(uint64_t id, void *data) {
  (void)id;
  (void)data;
  handlers.ending();
}
static void on_ending_v7(void *data) {
  (void)data;
  handlers.ending();
}

static void on_syscall(uint64_t id, unsigned index, int64_t number, uint64_t a1, uint64_t a2,
                       uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7,
                       uint64_t a8) {
  (void)id;
  struct qemu_syscall call = {index, number, {a1, a2, a3, a4, a5, a6, a7, a8}};
  handlers.syscall(&call);
}
static void on_syscall_v7(unsigned index, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3,
                          uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8,
                          void *data) {
  (void)data;
  on_syscall(0, index, number, a1, a2, a3, a4, a5, a6, a7, a8);
}
static void on_syscall_returned(uint64_t id, unsigned index, int64_t number, int64_t result) {
  (void)id;
  handlers.syscall_returned(index, number, result);
}
static void on_syscall_returned_v7(unsigned index, int64_t number, int64_t result, void *data) {
  (void)data;
  handlers.syscall_returned(index, number, result);
}

const char *qemu_api_find(const struct qemu_info *info) {
  const struct {
    const char *name;
    void **call;
    bool needed;
  } wanted[] = {
      {"qemu_plugin_tb_n_insns", (void **)&qemu.tb_n_insns, true},
      {"qemu_plugin_tb_vaddr", (void **)&qemu.tb_vaddr, true},
      {"qemu_plugin_tb_get_insn", (void **)&qemu.tb_get_insn, true},
      {"qemu_plugin_insn_vaddr", (void **)&qemu.insn_vaddr, true},
      {"qemu_plugin_insn_size", (void **)&qemu.insn_size, true},
      {"qemu_plugin_insn_haddr", (void **)&qemu.insn_haddr, true},
      {"qemu_plugin_insn_data", &qemu.insn_data, true},
      {"qemu_plugin_register_vcpu_tb_exec_cb", (void **)&qemu.register_vcpu_tb_exec_cb, true},
      {"qemu_plugin_register_vcpu_insn_exec_cb", (void **)&qemu.register_vcpu_insn_exec_cb, true},
      {"qemu_plugin_register_vcpu_tb_trans_cb", (void **)&qemu.register_vcpu_tb_trans_cb, true},
      {"qemu_plugin_register_vcpu_init_cb", (void **)&qemu.register_vcpu_init_cb, true},
      {"qemu_plugin_register_vcpu_exit_cb", (void **)&qemu.register_vcpu_exit_cb, true},
      {"qemu_plugin_register_atexit_cb", (void **)&qemu.register_atexit_cb, true},
      {"qemu_plugin_register_flush_cb", (void **)&qemu.register_flush_cb, true},
      {"qemu_plugin_register_vcpu_syscall_cb", (void **)&qemu.register_vcpu_syscall_cb, true},
      {"qemu_plugin_register_vcpu_syscall_ret_cb", (void **)&qemu.register_vcpu_syscall_ret_cb,
       true},
      {"qemu_plugin_insn_disas", (void **)&qemu.insn_disas, false},
      {"tcg_tb_lookup", (void **)&qemu.tcg_tb_lookup, false},
      {"guest_base", (void **)&qemu.guest_base, false},
      {"riscv_csrrw_debug", (void **)&qemu.riscv_csrrw_debug, false},
      {"riscv_cpu_mmu_index", (void **)&qemu.riscv_mmu_index, false},
      {"riscv_env_mmu_index", (void **)&qemu.riscv_mmu_index, false}, /* since 9.0 */
      {"tb_flush", (void **)&qemu.tb_flush, false},
      {"queue_tb_flush", (void **)&qemu.tb_flush, false}, /* since 10.1 */
      {"qemu_plugin_start_code", (void **)&qemu.start_code, false},
      {"qemu_get_cpu", (void **)&qemu.get_cpu, false},
      {"cpu_memory_rw_debug", (void **)&qemu.cpu_memory_rw_debug, false},
  };
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    void *found = dlsym(RTLD_DEFAULT, wanted[i].name);
    if (!found && *wanted[i].call) continue; /* it had another name, which was found */
    if (!found && wanted[i].needed) return wanted[i].name;
    *wanted[i].call = found;
  }
  qemu_api_version = info->version.cur;
  return NULL;
}

void qemu_api_register(uint64_t id, const struct qemu_handlers *given, bool system) {
  handlers = *given;
  bool v7 = qemu_api_version >= 7;
#define PICK(name) (v7 ? (void *)name##_v7 : (void *)name)
  qemu.register_vcpu_tb_trans_cb(id, PICK(on_translated), NULL);
  qemu.register_vcpu_init_cb(id, PICK(on_started), NULL);
  qemu.register_vcpu_exit_cb(id, PICK(on_ended), NULL);
  qemu.register_flush_cb(id, PICK(on_flushed), NULL);
  qemu.register_atexit_cb(id, PICK(on_ending), NULL);
  if (!system) {
    qemu.register_vcpu_syscall_cb(id, PICK(on_syscall), NULL);
    qemu.register_vcpu_syscall_ret_cb(id, PICK(on_syscall_returned), NULL);
  }
#undef PICK
}

size_t qemu_insn_bytes(void *insn, uint8_t *into, size_t size) {
  if (qemu_api_version >= 3) {
    return ((size_t(*)(void *, void *, size_t))qemu.insn_data)(insn, into, size);
  }
  const uint8_t *bytes = ((const uint8_t *(*)(void *))qemu.insn_data)(insn);
  memcpy(into, bytes, size);
  return size;
}
