// Prints "passed failed skipped" of a report of vitest's JSON reporter. A test file that could not
// be loaded has no tests in it, so it counts as one failure.
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const counts = { passed: 0, failed: 0, skipped: 0 };
for (const file of report.testResults) {
  let failedHere = 0;
  for (const test of file.assertionResults) {
    if (test.status === 'passed') counts.passed++;
    else if (test.status === 'failed') failedHere++;
    else counts.skipped++;
  }
  counts.failed += file.status === 'failed' ? Math.max(1, failedHere) : failedHere;
}
console.log(counts.passed, counts.failed, counts.skipped);
