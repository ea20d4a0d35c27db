// Ways to break the engine that the experiments must see. `from` stands once in the file; `on` is the experiment's
// deployment.
const ENGINE = 'packages/engine/src';
const SCRIPTS = `${ENGINE}/brokers/redis/scripts`;
const SQLITE = `${ENGINE}/brokers/sqlite`;

export const mutations = [
  {
    name: 'no-fencing',
    about: 'whoever ran a task ends it, also when somebody else has it by now',
    file: `${SCRIPTS}/prelude/finish-queue.lua`,
    from: 'is = score and token_in(tonumber(score)) == tonumber(token) or false',
    to: 'is = score and true or false',
    experiment: 'W4',
    on: 'redis',
  },
  {
    name: 'recovery-forgets',
    about: 'recovered tasks do not become pending',
    file: `${SCRIPTS}/recover.lua`,
    from: "redis.call('RPUSH', pending, unpack(back))",
    to: 'back = {}',
    experiment: 'W1',
    on: 'redis',
  },
  {
    name: 'recovery-takes-the-living',
    about: 'leases are taken back before they are over',
    file: `${SCRIPTS}/prelude/expired.lua`,
    from: "'(' .. (now_s + 1), 'BYSCORE'",
    to: "'(' .. (now_s + 5), 'BYSCORE'",
    experiment: 'W3',
    on: 'redis',
  },
  {
    name: 'slow-recovery',
    about: 'a lease is as long as Asynq\u2019s',
    file: `${ENGINE}/leases/terms.ts`,
    from: 'export const LEASE_MS = 6_000;',
    to: 'export const LEASE_MS = 30_000;',
    experiment: 'W1',
    on: 'redis',
  },
  {
    name: 'no-lease',
    about: 'tasks are taken without a lease',
    file: `${SCRIPTS}/prelude/hold.lua`,
    from: "redis.call('ZADD', asynq .. 'lease', unpack(leases))",
    to: '',
    experiment: 'W1',
    on: 'redis',
  },
  {
    name: 'ended-twice-in-the-books',
    about: 'a finish counts double',
    file: `${SCRIPTS}/prelude/finish-mixed.lua`,
    from: 'count(asynq, counted, moves.failed)',
    to: 'count(asynq, 2 * counted, moves.failed)',
    experiment: 'W1',
    on: 'redis',
  },
  {
    name: 'stays-active',
    about: 'what ended stays in the list of active tasks',
    file: `${SCRIPTS}/prelude/finish-mixed.lua`,
    from: "leave_active(asynq .. 'active', left)",
    to: '',
    experiment: 'W1',
    on: 'redis',
  },
  {
    name: 'sqlite-forgets-what-ran',
    about: 'what was active when the process died stays so',
    file: `${SQLITE}/writer.thread.ts`,
    from: 'recoverAll(store, momentOf(nowMs).wallMs);',
    to: '',
    experiment: 'W1',
    on: 'sqlite',
  },
  {
    name: 'sqlite-commits-late',
    about: 'answers are given before the transaction is committed',
    file: `${SQLITE}/group-commit.ts`,
    from: '    this.#begin.run();\n    const answers: Answer[] = [];',
    to: '    if (this.#store.database.inTransaction && Math.random() < 0.1) this.#commit.run();\n    if (!this.#store.database.inTransaction) this.#begin.run();\n    if (Math.random() < 2) return jobs.map((job) => this.#answer(job));\n    const answers: Answer[] = [];',
    experiment: 'W1',
    on: 'sqlite',
  },
];
