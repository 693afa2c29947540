/*
 * Calls a function pointer that was overwritten by the text before it. argv[1]: where it points
 * then; 0 nowhere, 1 into data, 2 into the middle of an instruction, 3 above all memory.
 */
#include "tiny.h"

struct job {
  char label[8];
  void (*run)(struct job *);
  u32 runs;
};

static struct job jobs[3];

NOINLINE void count(struct job *job) { job->runs++; }
NOINLINE void count_twice(struct job *job) {
  count(job);
  count(job);
}

/* lui of 20 bits: its upper half alone is a compressed instruction that nobody wrote. */
NOINLINE u64 constant(void) {
  u64 value;
  __asm__ volatile(".option push\n.option norvc\nlui %0, 0x90020\n.option pop" : "=r"(value));
  return value;
}

/* The fault: no end to what is copied. */
NOINLINE void set_label(struct job *job, const char *label, u32 bytes) {
  for (u32 i = 0; i < bytes; i++) job->label[i] = label[i];
}

NOINLINE void run_all(void) {
  for (u32 i = 0; i < COUNT(jobs); i++) jobs[i].run(&jobs[i]);
}

int main(int argc, char **argv) {
  i64 how = argument(argc, argv, 1, 0);
  u64 targets[] = {0x12345678, (u64)&jobs[1], (u64)&constant + 2, 0x4141414141414140};
  char label[16] = "nightly";
  for (u32 i = 0; i < COUNT(jobs); i++) jobs[i].run = i & 1 ? count_twice : count;
  for (u32 round = 0; round < 5; round++) run_all();
  tell("runs", jobs[0].runs + jobs[1].runs + jobs[2].runs);
  memcpy(label + 8, &targets[how & 3], 8);
  set_label(&jobs[2], label, sizeof label);
  run_all();
  tell("not reached", (i64)constant());
  return 0;
}
