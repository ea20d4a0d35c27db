import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { brokerKinds } from '../../packages/engine/test/support/brokers.ts';
import { HERE, hasTools, python, run, startService, type Service } from './tools.ts';

/**
 * Made by chance for each operation, after the examples and the bounds of each value. A number, and not a time: a faster machine would
 * try what no slower one has tried.
 */
const MAX_EXAMPLES = Number(process.env.SCHEMATHESIS_EXAMPLES ?? 40);

const optionsFor = ({ url, key }: Service): string[] => {
  const options = {
    header: `Authorization: Bearer ${key}`,
    checks: 'all',
    // JSON Schema cannot express every rule: checks of our own know which refusals are meant, and what a batch refuses.
    'exclude-checks': 'positive_data_acceptance,negative_data_rejection',
    phases: 'examples,coverage,fuzzing',
    'max-examples': String(MAX_EXAMPLES),
    seed: process.env.SCHEMATHESIS_SEED ?? '13',
    'suppress-health-check': 'all',
  };
  const given = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const config = ['--config-file', join(HERE, 'schemathesis.toml')];
  return [...config, 'run', `${url}/openapi.json`, ...given, '--continue-on-failure', '--no-color'];
};

describe.skipIf(!hasTools).each(brokerKinds)('a service on $name', ({ available, createStore }) => {
  test.skipIf(!available)(
    'answers Schemathesis as its document says, refuses what it must and nothing else',
    { timeout: 300_000 },
    async () => {
      const store = await createStore();
      const service = await startService(store.url);
      try {
        const { code, output } = await run(python('schemathesis'), optionsFor(service), {
          // It keeps there what it found.
          cwd: service.folder,
          env: { SCHEMATHESIS_HOOKS: 'checks', PYTHONPATH: HERE, PYTHONDONTWRITEBYTECODE: '1' },
        });
        expect({ code, failures: /=+ (?:FAILURES|ERRORS) =+.*/s.exec(output)?.[0] }).toEqual({
          code: 0,
          failures: undefined,
        });
      } finally {
        await service.close();
        await store.remove();
      }
    },
  );
});
