/** A real Prometheus, and its own checker. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../packages/engine/test/support/redis-server.ts';
import { tempFolder } from '../../packages/engine/test/support/temp.ts';

const answers = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

/** False = the tests are skipped, and `npm test` says what is missing. */
export const hasPrometheus = answers('prometheus') && answers('promtool');

/** The rules that we offer. */
export const RULES_FILE = fileURLToPath(new URL('../../etc/prometheus-rules.yaml', import.meta.url));

const DASHBOARD_FILE = new URL('../../etc/grafana-dashboard.json', import.meta.url);

interface Dashboard {
  readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
}

/** The expressions of all panels, with what Grafana puts in for its variables. */
export async function dashboardQueries(): Promise<string[]> {
  const { panels } = JSON.parse(await readFile(DASHBOARD_FILE, 'utf8')) as Dashboard;
  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  return expressions.map((expr) => expr.replaceAll('$queue', '.*').replaceAll('$__rate_interval', '1m'));
}

export interface Checked {
  readonly code: number;
  readonly output: string;
}

/** Runs `promtool`. */
export function promtool(args: readonly string[], input = ''): Promise<Checked> {
  return new Promise((resolve) => {
    const child = execFile('promtool', [...args], (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr }),
    );
    child.stdin?.end(input);
  });
}

/** A series at one moment: its labels and its value. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Rule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
}

export interface Prometheus {
  /** The value of an expression now. @throws Error if Prometheus cannot evaluate it */
  query(expression: string): Promise<Series[]>;
  /** The names of all metrics that it has scraped. */
  names(): Promise<Set<string>>;
  /** Its rules, and whether it can evaluate them. */
  rules(): Promise<Rule[]>;
  /** Asks until the answer is as it must be: a scrape, or an evaluation, is a second away. */
  until<T>(ask: () => Promise<T>, isRight: (answer: T) => boolean): Promise<T>;
  stop(): Promise<void>;
}

/** A scrape, an evaluation, and the same once more. */
const MAX_WAIT_MS = 20_000;

interface Answer<T> {
  readonly status: string;
  readonly data: T;
  readonly error?: string;
}

/** Scrapes these addresses once a second with this key, and evaluates our rules as often. */
export async function startPrometheus(targets: readonly string[], key: string): Promise<Prometheus> {
  const folder = await tempFolder();
  const config = `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [${JSON.stringify(RULES_FILE)}]
scrape_configs:
  - job_name: task-center
    authorization: { credentials: ${key} }
    static_configs: [{ targets: ${JSON.stringify(targets)} }]
`;
  await writeFile(folder.file('prometheus.yaml'), config);
  const address = `127.0.0.1:${await freePort()}`;
  const options = [
    `--config.file=${folder.file('prometheus.yaml')}`,
    `--storage.tsdb.path=${folder.file('data')}`,
    `--web.listen-address=${address}`,
  ];
  const child = spawn('prometheus', options, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (data) => {
      log += data;
      if (log.includes('Server is ready')) resolve();
    });
    child.once('exit', () => reject(new Error(`Prometheus ended: ${log}`)));
  });

  async function get<T>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
    const response = await fetch(`http://${address}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const { status, data, error } = (await response.json()) as Answer<T>;
    if (status !== 'success') throw new Error(`${path} ${JSON.stringify(parameters)}: ${error}`);
    return data;
  }

  return {
    async query(expression) {
      type Result = { result: { metric: Record<string, string>; value: [number, string] }[] };
      const { result } = await get<Result>('query', { query: expression });
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    names: async () => new Set(await get<string[]>('label/__name__/values')),
    async rules() {
      const { groups } = await get<{ groups: { rules: Rule[] }[] }>('rules');
      return groups.flatMap(({ rules }) => rules);
    },
    async until(ask, isRight) {
      const endMs = Date.now() + MAX_WAIT_MS;
      for (;;) {
        const answer = await ask();
        if (isRight(answer) || Date.now() > endMs) return answer;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      await folder.remove();
    },
  };
}
