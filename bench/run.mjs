// npm run bench -- [scenario] [--json] [--rounds N]: compares Task Center with its peers in one run.
import { parseArgs } from 'node:util';
import { delay } from './scenarios/delay.mjs';
import { engine } from './scenarios/engine.mjs';
import { print } from './report.mjs';

const scenarios = { engine, delay };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string' },
  },
});
const [name = 'engine'] = positionals;
const scenario = scenarios[name];
if (!scenario) {
  console.error(`There is no scenario "${name}". There are: ${Object.keys(scenarios).join(', ')}.`);
  process.exit(2);
}
const options = { ...(values.rounds && { rounds: Number(values.rounds) }), only: values.only };
const report = await scenario(options);
print(report, { json: values.json });
