/**
 * Loaded before everything else by the processes that tests start from sources, and by each thread
 * of theirs: Node keeps there what it made of a source file, types stripped and compiled, and finds
 * it again by the file's content. Without it a recorder needs three times as long to start. The
 * variable NODE_COMPILE_CACHE would do the same, but the guest would see it.
 */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/compiled/', import.meta.url)));
