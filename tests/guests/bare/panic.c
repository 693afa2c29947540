/*
 * A control block whose handler was overwritten by a copy that ran too far: the next event jumps
 * into the weeds. The trap handler prints what it knows, and the run ends with status 3.
 * Build: see build.ts
 */
#include "bare.h"

struct device {
  char name[16];
  void (*on_event)(unsigned event);
};

static struct device devices[2];
static unsigned events;

NOINLINE static void count_event(unsigned event) { events += event; }

NOINLINE static void set_name(struct device *device, const char *name) {
  char *at = device->name;
  while (*name != 0) *at++ = *name++;
  *at = 0;
}

NOINLINE static void dispatch(struct device *device, unsigned event) { device->on_event(event); }

NOINLINE static void poll(unsigned event) {
  for (unsigned i = 0; i < 2; i++) dispatch(&devices[i], event);
}

struct frame *on_trap(struct frame *frame) {
  print("panic: exception ");
  print_number(csr_read(mcause));
  print(", epc ");
  print_hex(frame->x[EPC]);
  print(", tval ");
  print_hex(csr_read(mtval));
  print("\n");
  finish(3);
  return frame;
}

int main(void) {
  csr_write(mtvec, trap_entry);
  for (unsigned i = 0; i < 2; i++) devices[i].on_event = count_event;
  set_name(&devices[0], "timer");
  set_name(&devices[1], "serial port");
  poll(1);
  print("events ");
  print_number(events);
  print("\n");
  set_name(&devices[1], "serial port no. 2 (debug)");
  poll(2);
  return 0;
}
