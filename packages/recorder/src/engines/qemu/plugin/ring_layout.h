/* Generated from ring/layout.ts and trace/vocabulary.ts by `npm run gen`. Do not edit. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BACKTRAIL_RING_LAYOUT_H
#define BACKTRAIL_RING_LAYOUT_H
#include <stddef.h>
#include <stdint.h>

#define RING_MAGIC 0x474e49524b434142ull
#define RING_VERSION 5u
#define RING_NO_NUMBER 0xffffffffu
#define RING_NO_CODE 0xffu

struct ring_header {
  uint64_t magic; /* RING_MAGIC */
  uint32_t version; /* RING_VERSION */
  uint32_t keep; /* 0 all: the guest waits; 1 last: the oldest is reused */
  uint32_t segment_transfers; /* transfers a segment holds */
  uint32_t segment_budget; /* published segments that may wait to be drained */
  uint32_t segment_slots; /* segmentBudget + vcpuSlots */
  uint32_t vcpu_slots; /* vCPUs that can be recorded at one time */
  uint64_t log_bytes; /* capacity of the log, a power of two */
  uint64_t vcpu_offset; /* file offset of the vCPU slots */
  uint64_t queue_offset; /* file offset of the queue */
  uint64_t segment_offset; /* file offset of the segment headers */
  uint64_t log_offset; /* file offset of the log */
  uint64_t data_offset; /* file offset of the segment data */
  uint64_t file_bytes; /* size of the ring file */
  uint64_t max_transfers; /* stop recording after so many; 0 never */
  uint64_t recorder_pid; /* process that drains */
  uint64_t recorder_start; /* its start time, field 22 of /proc/PID/stat */
  char gap_0[144];
  uint64_t writer_pid; /* process that records; 0 until it attached */
  uint64_t writer_start; /* its start time, as above */
  uint64_t published; /* segments published, ever */
  uint64_t oldest; /* keep last: published segments reused, ever */
  uint64_t overwritten; /* keep last: transfers in those */
  uint64_t log_head; /* log bytes committed, ever */
  uint64_t wait_ns; /* time vCPUs waited for the recorder, ns */
  uint64_t stopped; /* why recording stopped, a STOP_REASONS index */
  uint64_t unrecorded; /* transfers of ended vCPUs after the stop */
  uint64_t vcpus_unrecorded; /* vCPUs that found no slot */
  uint64_t vcpus; /* vCPUs seen, ever: the next vCPU number */
  uint64_t forks; /* forks of the guest */
  uint64_t ended; /* 1 once the exit hook of the writer ran */
  uint64_t instructions_at_stop; /* as in the vCPU slot, of ended vCPUs */
  uint64_t children; /* rings made for forked children, numbered from 0 */
  uint64_t parent_pid; /* process that forked this one; 0: it was started */
  uint64_t exit_status; /* 1 + what the guest asked to exit with; 0 unknown */
  char gap_1[120];
  uint64_t drained; /* keep all: segments the recorder has on disk, ever */
  uint64_t drained_check; /* bitwise complement of drained */
  uint64_t log_tail; /* log bytes the recorder has on disk, ever */
  uint64_t log_tail_check; /* bitwise complement of logTail */
  uint64_t recorder_gone; /* 1 once the recorder stopped draining on purpose */
  uint64_t stop_request; /* 1 once a trigger came: no more is to be recorded */
  uint64_t start_request; /* 1 once a recording that waits is to begin */
  uint64_t stop_asked; /* 1 once the recorder is to end the recording */
  char gap_2[448];
  char trace_directory[3072]; /* absolute path of the trace */
};
_Static_assert(offsetof(struct ring_header, magic) == 0, "layout");
_Static_assert(offsetof(struct ring_header, version) == 8, "layout");
_Static_assert(offsetof(struct ring_header, keep) == 12, "layout");
_Static_assert(offsetof(struct ring_header, segment_transfers) == 16, "layout");
_Static_assert(offsetof(struct ring_header, segment_budget) == 20, "layout");
_Static_assert(offsetof(struct ring_header, segment_slots) == 24, "layout");
_Static_assert(offsetof(struct ring_header, vcpu_slots) == 28, "layout");
_Static_assert(offsetof(struct ring_header, log_bytes) == 32, "layout");
_Static_assert(offsetof(struct ring_header, vcpu_offset) == 40, "layout");
_Static_assert(offsetof(struct ring_header, queue_offset) == 48, "layout");
_Static_assert(offsetof(struct ring_header, segment_offset) == 56, "layout");
_Static_assert(offsetof(struct ring_header, log_offset) == 64, "layout");
_Static_assert(offsetof(struct ring_header, data_offset) == 72, "layout");
_Static_assert(offsetof(struct ring_header, file_bytes) == 80, "layout");
_Static_assert(offsetof(struct ring_header, max_transfers) == 88, "layout");
_Static_assert(offsetof(struct ring_header, recorder_pid) == 96, "layout");
_Static_assert(offsetof(struct ring_header, recorder_start) == 104, "layout");
_Static_assert(offsetof(struct ring_header, writer_pid) == 256, "layout");
_Static_assert(offsetof(struct ring_header, writer_start) == 264, "layout");
_Static_assert(offsetof(struct ring_header, published) == 272, "layout");
_Static_assert(offsetof(struct ring_header, oldest) == 280, "layout");
_Static_assert(offsetof(struct ring_header, overwritten) == 288, "layout");
_Static_assert(offsetof(struct ring_header, log_head) == 296, "layout");
_Static_assert(offsetof(struct ring_header, wait_ns) == 304, "layout");
_Static_assert(offsetof(struct ring_header, stopped) == 312, "layout");
_Static_assert(offsetof(struct ring_header, unrecorded) == 320, "layout");
_Static_assert(offsetof(struct ring_header, vcpus_unrecorded) == 328, "layout");
_Static_assert(offsetof(struct ring_header, vcpus) == 336, "layout");
_Static_assert(offsetof(struct ring_header, forks) == 344, "layout");
_Static_assert(offsetof(struct ring_header, ended) == 352, "layout");
_Static_assert(offsetof(struct ring_header, instructions_at_stop) == 360, "layout");
_Static_assert(offsetof(struct ring_header, children) == 368, "layout");
_Static_assert(offsetof(struct ring_header, parent_pid) == 376, "layout");
_Static_assert(offsetof(struct ring_header, exit_status) == 384, "layout");
_Static_assert(offsetof(struct ring_header, drained) == 512, "layout");
_Static_assert(offsetof(struct ring_header, drained_check) == 520, "layout");
_Static_assert(offsetof(struct ring_header, log_tail) == 528, "layout");
_Static_assert(offsetof(struct ring_header, log_tail_check) == 536, "layout");
_Static_assert(offsetof(struct ring_header, recorder_gone) == 544, "layout");
_Static_assert(offsetof(struct ring_header, stop_request) == 552, "layout");
_Static_assert(offsetof(struct ring_header, start_request) == 560, "layout");
_Static_assert(offsetof(struct ring_header, stop_asked) == 568, "layout");
_Static_assert(offsetof(struct ring_header, trace_directory) == 1024, "layout");
_Static_assert(sizeof(struct ring_header) == 4096, "layout");

struct ring_vcpu {
  uint64_t prev; /* handle of the block it is in */
  uint64_t instructions; /* instructions retired before that block */
  uint64_t write; /* writer-side address of the next transfer */
  uint64_t limit; /* writer-side address after the last one */
  uint64_t settled; /* write + instructions, stored after these and prev */
  uint64_t data; /* writer-side address of the first transfer */
  uint64_t first_seq; /* seq of the first transfer of the open segment */
  uint64_t instructions_before; /* as in the segment header */
  uint64_t time_first_ns; /* as in the segment header */
  uint32_t segment; /* segment slot that is open */
  uint32_t open; /* 1 while segment, firstSeq, data, write belong together */
  uint32_t vcpu; /* vCPU number */
  uint32_t live; /* 1 from the start of the vCPU to its end */
  uint64_t unrecorded; /* transfers after recording stopped */
  uint64_t in_syscall; /* 1 while the last instruction of prev is a call running */
  uint64_t instructions_at_stop; /* instructions when its recording stopped */
  char reserved[16]; /* private to the writer */
};
_Static_assert(offsetof(struct ring_vcpu, prev) == 0, "layout");
_Static_assert(offsetof(struct ring_vcpu, instructions) == 8, "layout");
_Static_assert(offsetof(struct ring_vcpu, write) == 16, "layout");
_Static_assert(offsetof(struct ring_vcpu, limit) == 24, "layout");
_Static_assert(offsetof(struct ring_vcpu, settled) == 32, "layout");
_Static_assert(offsetof(struct ring_vcpu, data) == 40, "layout");
_Static_assert(offsetof(struct ring_vcpu, first_seq) == 48, "layout");
_Static_assert(offsetof(struct ring_vcpu, instructions_before) == 56, "layout");
_Static_assert(offsetof(struct ring_vcpu, time_first_ns) == 64, "layout");
_Static_assert(offsetof(struct ring_vcpu, segment) == 72, "layout");
_Static_assert(offsetof(struct ring_vcpu, open) == 76, "layout");
_Static_assert(offsetof(struct ring_vcpu, vcpu) == 80, "layout");
_Static_assert(offsetof(struct ring_vcpu, live) == 84, "layout");
_Static_assert(offsetof(struct ring_vcpu, unrecorded) == 88, "layout");
_Static_assert(offsetof(struct ring_vcpu, in_syscall) == 96, "layout");
_Static_assert(offsetof(struct ring_vcpu, instructions_at_stop) == 104, "layout");
_Static_assert(offsetof(struct ring_vcpu, reserved) == 112, "layout");
_Static_assert(sizeof(struct ring_vcpu) == 128, "layout");

struct ring_segment {
  uint64_t first_seq; /* seq of its first transfer */
  uint64_t instructions_before; /* instructions retired when that landed */
  uint64_t time_first_ns; /* monotonic clock when it was opened */
  uint64_t time_last_ns; /* monotonic clock when it was published */
  uint32_t vcpu; /* vCPU number */
  uint32_t rows; /* transfers in it */
  char gap_0[24];
};
_Static_assert(offsetof(struct ring_segment, first_seq) == 0, "layout");
_Static_assert(offsetof(struct ring_segment, instructions_before) == 8, "layout");
_Static_assert(offsetof(struct ring_segment, time_first_ns) == 16, "layout");
_Static_assert(offsetof(struct ring_segment, time_last_ns) == 24, "layout");
_Static_assert(offsetof(struct ring_segment, vcpu) == 32, "layout");
_Static_assert(offsetof(struct ring_segment, rows) == 36, "layout");
_Static_assert(sizeof(struct ring_segment) == 64, "layout");

struct ring_record {
  uint32_t type; /* a RECORD_TYPES index */
  uint32_t bytes; /* size with this header, a multiple of 8 */
};
_Static_assert(offsetof(struct ring_record, type) == 0, "layout");
_Static_assert(offsetof(struct ring_record, bytes) == 4, "layout");
_Static_assert(sizeof(struct ring_record) == 8, "layout");

struct ring_edge_record {
  struct ring_record record;
  uint64_t source;
  uint64_t target;
  uint64_t host_source; /* 0 none */
  uint64_t host_target; /* 0 unknown */
  uint32_t edge; /* number, rising by one */
  uint32_t source_block; /* NO_NUMBER none */
  uint32_t target_block; /* NO_NUMBER none */
  uint8_t cause; /* index into CAUSES, NO_CODE unknown */
  uint8_t kind; /* index into KINDS, NO_CODE none */
  uint8_t host_how; /* index into HOST_HOWS, NO_CODE unknown */
  uint8_t has_source; /* 0 or 1 */
};
_Static_assert(offsetof(struct ring_edge_record, source) == 8, "layout");
_Static_assert(offsetof(struct ring_edge_record, target) == 16, "layout");
_Static_assert(offsetof(struct ring_edge_record, host_source) == 24, "layout");
_Static_assert(offsetof(struct ring_edge_record, host_target) == 32, "layout");
_Static_assert(offsetof(struct ring_edge_record, edge) == 40, "layout");
_Static_assert(offsetof(struct ring_edge_record, source_block) == 44, "layout");
_Static_assert(offsetof(struct ring_edge_record, target_block) == 48, "layout");
_Static_assert(offsetof(struct ring_edge_record, cause) == 52, "layout");
_Static_assert(offsetof(struct ring_edge_record, kind) == 53, "layout");
_Static_assert(offsetof(struct ring_edge_record, host_how) == 54, "layout");
_Static_assert(offsetof(struct ring_edge_record, has_source) == 55, "layout");
_Static_assert(sizeof(struct ring_edge_record) == 56, "layout");

struct ring_block_record {
  struct ring_record record;
  uint64_t pc; /* guest address */
  uint64_t host_pc; /* 0 unknown */
  uint64_t born_seq;
  uint64_t handle; /* what a vCPU slot calls it in prev */
  uint32_t block; /* number, rising by one */
  uint32_t born_vcpu;
  uint32_t size; /* guest code bytes */
  uint32_t instructions;
  uint32_t host_size; /* bytes of host code at hostPc */
  uint32_t last_offset; /* of the last instruction from pc, bytes */
  uint32_t host_code_bytes; /* of them, how many follow: all or none */
  uint32_t text_bytes; /* 0: no text */
  uint32_t privilege; /* the level in numbers of the ISA, NO_CODE unknown */
  char gap_0[4];
};
_Static_assert(offsetof(struct ring_block_record, pc) == 8, "layout");
_Static_assert(offsetof(struct ring_block_record, host_pc) == 16, "layout");
_Static_assert(offsetof(struct ring_block_record, born_seq) == 24, "layout");
_Static_assert(offsetof(struct ring_block_record, handle) == 32, "layout");
_Static_assert(offsetof(struct ring_block_record, block) == 40, "layout");
_Static_assert(offsetof(struct ring_block_record, born_vcpu) == 44, "layout");
_Static_assert(offsetof(struct ring_block_record, size) == 48, "layout");
_Static_assert(offsetof(struct ring_block_record, instructions) == 52, "layout");
_Static_assert(offsetof(struct ring_block_record, host_size) == 56, "layout");
_Static_assert(offsetof(struct ring_block_record, last_offset) == 60, "layout");
_Static_assert(offsetof(struct ring_block_record, host_code_bytes) == 64, "layout");
_Static_assert(offsetof(struct ring_block_record, text_bytes) == 68, "layout");
_Static_assert(offsetof(struct ring_block_record, privilege) == 72, "layout");
_Static_assert(sizeof(struct ring_block_record) == 80, "layout");

struct ring_mark_record {
  struct ring_record record;
  uint64_t seq;
  uint64_t time_ns;
  uint64_t pc;
  int64_t number;
  int64_t code;
  uint64_t address;
  uint64_t size;
  uint32_t vcpu;
  uint32_t mark; /* number, rising by one */
  uint32_t detail_bytes;
  uint32_t kind; /* index into MARK_KINDS */
  uint32_t has; /* MARK_HAS_* bits: which values are given */
  uint32_t unused; /* 0 */
};
_Static_assert(offsetof(struct ring_mark_record, seq) == 8, "layout");
_Static_assert(offsetof(struct ring_mark_record, time_ns) == 16, "layout");
_Static_assert(offsetof(struct ring_mark_record, pc) == 24, "layout");
_Static_assert(offsetof(struct ring_mark_record, number) == 32, "layout");
_Static_assert(offsetof(struct ring_mark_record, code) == 40, "layout");
_Static_assert(offsetof(struct ring_mark_record, address) == 48, "layout");
_Static_assert(offsetof(struct ring_mark_record, size) == 56, "layout");
_Static_assert(offsetof(struct ring_mark_record, vcpu) == 64, "layout");
_Static_assert(offsetof(struct ring_mark_record, mark) == 68, "layout");
_Static_assert(offsetof(struct ring_mark_record, detail_bytes) == 72, "layout");
_Static_assert(offsetof(struct ring_mark_record, kind) == 76, "layout");
_Static_assert(offsetof(struct ring_mark_record, has) == 80, "layout");
_Static_assert(offsetof(struct ring_mark_record, unused) == 84, "layout");
_Static_assert(sizeof(struct ring_mark_record) == 88, "layout");

struct ring_guest_record {
  struct ring_record record;
  char isa[32]; /* the name QEMU gives the guest */
  uint32_t big_endian;
  uint32_t api_version; /* plugin interface in use */
  uint32_t system; /* 1 whole machine, 0 one program */
  uint32_t tells_traps; /* 1 whole machine whose traps are told */
};
_Static_assert(offsetof(struct ring_guest_record, isa) == 8, "layout");
_Static_assert(offsetof(struct ring_guest_record, big_endian) == 40, "layout");
_Static_assert(offsetof(struct ring_guest_record, api_version) == 44, "layout");
_Static_assert(offsetof(struct ring_guest_record, system) == 48, "layout");
_Static_assert(offsetof(struct ring_guest_record, tells_traps) == 52, "layout");
_Static_assert(sizeof(struct ring_guest_record) == 56, "layout");

enum {
  RING_RECORD_PADDING = 0,
  RING_RECORD_EDGE = 1,
  RING_RECORD_BLOCK = 2,
  RING_RECORD_MARK = 3,
  RING_RECORD_GUEST = 4,
};

enum {
  RING_STOP_RUNNING = 0,
  RING_STOP_MAX_TRANSFERS = 1,
  RING_STOP_RECORDER_GONE = 2,
  RING_STOP_NO_SPACE = 3,
  RING_STOP_EDGES_FULL = 4,
  RING_STOP_TRIGGER = 5,
  RING_STOP_ASKED = 6,
};

enum {
  CAUSE_JUMP = 0,
  CAUSE_EXCEPTION = 1,
  CAUSE_INTERRUPT = 2,
  CAUSE_SIGNAL = 3,
  CAUSE_START = 4,
  CAUSE_FILTERED = 5,
};

enum {
  KIND_BRANCH = 0,
  KIND_JUMP = 1,
  KIND_INDIRECT_JUMP = 2,
  KIND_CALL = 3,
  KIND_INDIRECT_CALL = 4,
  KIND_RETURN = 5,
  KIND_TRAP_RETURN = 6,
  KIND_SYSCALL = 7,
  KIND_SIGNAL_RETURN = 8,
};

enum {
  HOST_HOW_DIRECT_JUMP = 0,
  HOST_HOW_INDIRECT_JUMP = 1,
  HOST_HOW_MAIN_LOOP = 2,
};

enum {
  MARK_THREAD_START = 0,
  MARK_THREAD_EXIT = 1,
  MARK_END = 2,
  MARK_SIGNAL = 3,
  MARK_SYSCALL = 4,
  MARK_FORK = 5,
  MARK_EXEC = 6,
  MARK_MAP = 7,
  MARK_UNMAP = 8,
  MARK_FLUSH = 9,
  MARK_TRIGGER = 10,
  MARK_GAP = 11,
  MARK_STOP = 12,
  MARK_EXCEPTION = 13,
  MARK_INTERRUPT = 14,
  MARK_ADDRESS_SPACE = 15,
};

#define MARK_HAS_PC 1u
#define MARK_HAS_NUMBER 2u
#define MARK_HAS_CODE 4u
#define MARK_HAS_ADDRESS 8u
#define MARK_HAS_SIZE 16u
#define MARK_HAS_DETAIL 32u

#endif
