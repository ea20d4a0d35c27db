// npm run bench -- regression [options]: compares the working tree with a reference commit. Both run in turn, and so does the
// reference a second time: the difference between the reference and itself is the noise of the machine.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { checkOut, commitOf, root } from './checkout.mjs';
import { openProgram } from './peers/program.mjs';
import { idleMemory } from './idle-memory.mjs';
import { percentile, spread, table } from './report.mjs';

const REDIS = 'Task Center (Redis)';
const SQLITE = 'Task Center (SQLite)';
const PROGRAM = fileURLToPath(new URL('programs/side.mjs', import.meta.url));
const REFERENCE = new URL('reference.json', import.meta.url);

/**
 * All changes since the reference together may cost 6 % of the rate. 10 % are allowed at concurrency 1 and on SQLite, where the
 * rates vary more.
 */
const FLOOR = 0.94;
const WIDE_FLOOR = 0.9;

/** The compared jobs, each with the smallest allowed ratio. */
const JOBS = [
  ['enqueue, 100 in flight', REDIS, FLOOR],
  ['enqueue in bulk of 1,000', REDIS, FLOOR],
  ['process, concurrency 1', REDIS, WIDE_FLOOR],
  ['process, concurrency 10', REDIS, FLOOR],
  ['process, concurrency 100', REDIS, FLOOR],
  ['process, concurrency 500', REDIS, FLOOR],
  ['enqueue, 100 in flight', SQLITE, WIDE_FLOOR],
  ['enqueue in bulk of 1,000', SQLITE, WIDE_FLOOR],
  ['process, concurrency 100', SQLITE, WIDE_FLOOR],
].map(([job, peer, floor]) => ({ job, peer, floor }));

/**
 * Rounds after which each side starts a new program. Chance decides at a process's start how fast it is for its whole life,
 * for example by the layout of its memory: the same code was seen to run 10 % faster in one process than in another.
 */
const BLOCK_ROUNDS = 5;
/** Rounds that a new program runs before it is measured: until then its code is still being compiled. */
const WARM_UP_ROUNDS = 4;

/** Rounds of the memory comparison. */
const MEMORY_ROUNDS = 5;

const HELP = `npm run bench -- regression [options]

  --reference <commit>  commit to compare with (default: that in bench/reference.json)
  --rounds <n>          measured rounds of each job (25)
  --scale <factor>      tasks in each round, as a factor of the usual count (0.4)
  --job <text>          only jobs whose names contain this
  --floor <ratio>       one floor for all jobs instead of their own
  --memory              instead compare the memory of an idle worker and an idle service, ${MEMORY_ROUNDS} rounds each; of the other
                        options only --reference counts
  --out <file>          write every round as JSON

The exit code is 1 if a job is below its floor and slower than the noise explains.
`;

/** @throws Error that says which option is invalid */
function positiveNumber(name, text) {
  const number = Number(text);
  if (number > 0 && Number.isFinite(number)) return number;
  throw new Error(`--${name} must be a number above 0, but it is "${text}"`);
}

/** @throws Error that says what is wrong with the command line */
function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      reference: { type: 'string' },
      rounds: { type: 'string', default: '25' },
      scale: { type: 'string', default: '0.4' },
      job: { type: 'string', default: '' },
      floor: { type: 'string' },
      memory: { type: 'boolean', default: false },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const jobs = JOBS.filter(({ job }) => job.includes(values.job));
  if (jobs.length === 0) throw new Error(`no job is called "${values.job}"`);
  return {
    ...values,
    jobs,
    rounds: Math.ceil(positiveNumber('rounds', values.rounds)),
    scale: positiveNumber('scale', values.scale),
    floor: values.floor === undefined ? undefined : positiveNumber('floor', values.floor),
  };
}

/** Each side goes first in a third of the rounds: the first one after an idle moment has an advantage. */
const rotated = (sides, round) => sides.map((_, i) => sides[(i + round) % sides.length]);

/** Measures a block of rounds in new programs, and adds the rates to `rates`, by side. */
async function measureBlock({ job, peer }, sides, { block, scale, rates }) {
  const programs = sides.map(({ name, checkout }) => ({
    name,
    program: openProgram(process.execPath, [PROGRAM, checkout]),
  }));
  try {
    for (let round = 0; round < WARM_UP_ROUNDS; round += 1) {
      for (const { program } of programs) await program.measure({ job, peer, scale });
    }
    for (const round of block) {
      for (const { name, program } of rotated(programs, round)) {
        rates[name].push(await program.measure({ job, peer, scale }));
      }
    }
  } finally {
    await Promise.all(programs.map(({ program }) => program.close()));
  }
}

/** Measures all rounds of a job; resolves to the rates by side. */
async function measureJob(entry, sides, { rounds, scale }) {
  const rates = Object.fromEntries(sides.map(({ name }) => [name, []]));
  const all = Array.from({ length: rounds }, (_, round) => round);
  for (let first = 0; first < rounds; first += BLOCK_ROUNDS) {
    await measureBlock(entry, sides, { block: all.slice(first, first + BLOCK_ROUNDS), scale, rates });
  }
  return rates;
}

/** The ratio of two sides in each round. */
const ratiosOf = (rates, base) => rates.map((rate, i) => rate / base[i]);

/** A job passes when its ratio reaches the floor, or the lower quartile of the noise. */
function rowOf({ job, peer, floor }, { present, reference, again }) {
  const ratios = ratiosOf(present, reference);
  const noise = ratiosOf(again, reference);
  const ratio = spread(ratios).median;
  const lowerQuartile = percentile(noise, 0.25);
  return {
    job,
    on: peer === REDIS ? 'Redis' : 'SQLite',
    'reference tasks/s': Math.round(spread(reference).median),
    'present tasks/s': Math.round(spread(present).median),
    ratio,
    'reference beside itself': spread(noise).median,
    'its lower quartile': lowerQuartile,
    floor,
    verdict: ratio >= floor || ratio >= lowerQuartile ? 'passed' : 'slower',
  };
}

/** Compares the rates of the present tree, of the reference, and of the reference again. */
async function compareSpeed(options, folder) {
  const sides = [
    { name: 'present', checkout: root },
    { name: 'reference', checkout: folder },
    { name: 'again', checkout: folder },
  ];
  const kept = [];
  const rows = [];
  for (const entry of options.jobs) {
    console.error(`${entry.job}, ${entry.peer} …`);
    const rates = await measureJob(entry, sides, options);
    kept.push({ ...entry, rates });
    rows.push(rowOf({ ...entry, floor: options.floor ?? entry.floor }, rates));
  }
  if (options.out) writeFileSync(options.out, `${JSON.stringify(kept)}\n`);
  return rows;
}

/** Compares the memory of idle processes. Nothing fails here: it is only reported. */
async function compareMemory(folder) {
  const rows = [];
  for (const what of ['worker', 'service']) {
    const found = { present: [], reference: [] };
    for (let round = 0; round < MEMORY_ROUNDS; round += 1) {
      found.present.push(await idleMemory(what, root));
      found.reference.push(await idleMemory(what, folder));
    }
    const [present, reference] = [spread(found.present).median, spread(found.reference).median];
    rows.push({
      idle: what,
      'reference MB': reference,
      'present MB': present,
      'grown by MB': present - reference,
    });
  }
  return rows;
}

/** Prints a table. The exit code is 1 if a job is below its floor and slower than the noise explains. */
async function compare(options) {
  const reference = commitOf(options.reference ?? JSON.parse(readFileSync(REFERENCE, 'utf8')).commit);
  const folder = checkOut(reference);
  const rows = options.memory ? await compareMemory(folder) : await compareSpeed(options, folder);
  const rounds = options.memory ? MEMORY_ROUNDS : options.rounds;
  console.log(`\n## Beside ${reference.slice(0, 7)}, medians of ${rounds} rounds\n`);
  console.log(table(rows));
  if (rows.some(({ verdict }) => verdict === 'slower')) process.exitCode = 1;
}

/** `npm run bench -- regression`. The exit code is 2 if the command line is invalid. */
export async function compareWithReference(args) {
  let options;
  try {
    options = readOptions(args);
  } catch (error) {
    console.error(`${error.message}\n\n${HELP}`);
    process.exitCode = 2;
    return;
  }
  if (options.help) console.log(HELP);
  else await compare(options);
}
