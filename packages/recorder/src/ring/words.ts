/**
 * The codes that the ring shares with the trace. Twin: trace/vocabulary.ts, whose lists give the
 * same codes (ring/words.test.ts holds them together). The ring imports nothing.
 */
export const CAUSE = {
  jump: 0,
  exception: 1,
  interrupt: 2,
  signal: 3,
  start: 4,
  filtered: 5,
} as const;

export const KIND = {
  branch: 0,
  jump: 1,
  'indirect-jump': 2,
  call: 3,
  'indirect-call': 4,
  return: 5,
  'trap-return': 6,
  syscall: 7,
  'signal-return': 8,
} as const;

export const HOST_HOW = { 'direct-jump': 0, 'indirect-jump': 1, 'main-loop': 2 } as const;

export const MARK = {
  'thread-start': 0,
  'thread-exit': 1,
  end: 2,
  signal: 3,
  syscall: 4,
  fork: 5,
  exec: 6,
  map: 7,
  unmap: 8,
  flush: 9,
  trigger: 10,
  gap: 11,
  stop: 12,
  exception: 13,
  interrupt: 14,
  'address-space': 15,
} as const;

export const NO_CODE = 0xff;
