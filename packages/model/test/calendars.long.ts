// The calendar cn beside the two packages that it is made of and compared with.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const pathOf = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

test('the days of cn are those of their source, and a second source has the same', () => {
  const program = `import(${JSON.stringify(pathOf('scripts/calendars/generate.mjs'))})
    .then(({ generateCalendar }) => process.stdout.write(generateCalendar()))`;
  // It fails where the second source differs.
  const text = execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  expect(text).toBe(readFileSync(pathOf('packages/model/src/calendars/cn.generated.ts'), 'utf8'));
});
