/** The recorder: run a program and record it; make a trace of what a kill left behind. */
export { canHoldEngine } from './engines/embedded/embedded.ts';
export { EMBEDDED_DEFAULTS, type EmbeddedOptions } from './engines/engine.ts';
export { findInPath } from './engines/find-program.ts';
export { lostWith, TOLD_MACHINES } from './engines/qemu/exports.ts';
export { findQemu, QEMU_REMEDY, qemuVersion } from './engines/qemu/find.ts';
export { builtPlugin, cacheFolder, findCompiler } from './engines/qemu/plugin.ts';
export { BacktrailError } from './errors.ts';
export {
  type Progress,
  type RecordOptions,
  type RecordResult,
  RING_BYTES_DEFAULT,
  record,
  runUnrecorded,
} from './record.ts';
export { type RecoverResult, recover } from './recover.ts';
export { type SnapshotResult, snapshot } from './snapshot.ts';
export { startRecording, stopRecording } from './start.ts';
