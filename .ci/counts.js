// Prints "passed failed skipped" of a report of vitest's JSON reporter, then what failed, a test a
// line. A test file that could not be loaded has no tests in it, so it counts as one failure.
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const counts = { passed: 0, skipped: 0 };
const failed = [];
for (const file of report.testResults) {
  const failedBefore = failed.length;
  for (const test of file.assertionResults) {
    if (test.status === 'passed') counts.passed++;
    else if (test.status === 'failed') failed.push(`${file.name}: ${test.fullName}`);
    else counts.skipped++;
  }
  const isCounted = failed.length > failedBefore;
  if (file.status === 'failed' && !isCounted) failed.push(`${file.name}: it could not be loaded`);
}
console.log(counts.passed, failed.length, counts.skipped);
for (const name of failed) console.log(name.replaceAll(/\s+/g, ' '));
