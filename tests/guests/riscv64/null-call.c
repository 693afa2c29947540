/* Calls the handler of an event that nobody registered. */
#include "tiny.h"

enum { EVENTS = 8 };
typedef u32 handle(u32);

static handle *handlers[EVENTS];

NOINLINE u32 on_open(u32 value) { return value + 1; }
NOINLINE u32 on_data(u32 value) { return value * 3; }
NOINLINE u32 on_close(u32 value) { return value ^ 0xff; }

NOINLINE void register_handlers(void) {
  handlers[0] = on_open;
  handlers[1] = on_data;
  handlers[3] = on_close;
}

NOINLINE u32 dispatch(u32 event, u32 value) { return handlers[event % EVENTS](value); }

int main(void) {
  static const u8 events[] = {0, 1, 1, 1, 3, 0, 1, 3, 0, 2, 3};
  u32 value = 0;
  register_handlers();
  for (u32 i = 0; i < COUNT(events); i++) {
    value = dispatch(events[i], value);
    tell("value", value);
  }
  return 0;
}
