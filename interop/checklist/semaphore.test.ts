import { describe, expect } from 'vitest';
import { Inspector, Semaphore } from '../../packages/engine/src/index.ts';
import { interopBed, item, nowS, until } from '../support/bed.ts';

const NO_TOKEN = 'no token';

describe('rate semaphore', () => {
  const bed = interopBed();

  /** Starts a Go server whose tasks hold a token each until they are cancelled. The scope is the queue. */
  async function goHolders(queue: string, maxTokens: number) {
    const go = bed.go();
    const behaviours = { x: { do: 'hang', semaphore: { scope: queue, maxTokens } } } as const;
    await go.serve({ queues: { [queue]: 1 }, concurrency: 5, behaviours, retryDelayMs: 3_600_000 });
    return go;
  }
  const inAMinute = () => ({ deadlineMs: Date.now() + 60_000 });
  const tokens = async (scope: string) => (await bed.ask('ZRANGE', `asynq:sema:${scope}`, 0, -1)) as string[];

  item('116 both: Go tasks and ours together stay within the limit of a scope', async () => {
    const scope = bed.queue();
    const go = await goHolders(scope, 2);
    const ours = new Semaphore(bed.broker, scope, 2);
    const deadlineMs = Date.now() + 60_000;
    await go.enqueue({ queue: scope, taskId: `${scope}-go1`, deadlineMs });
    await go.saw('acquired', `${scope}-go1`);
    expect(await ours.acquire({ id: 'ours1' }, { deadlineMs })).toBe(true);
    expect((await tokens(scope)).sort()).toEqual([`${scope}-go1`, 'ours1'].sort());
    for (const id of [`${scope}-go1`, 'ours1']) {
      expect(Number(await bed.ask('ZSCORE', `asynq:sema:${scope}`, id))).toBe(Math.floor(deadlineMs / 1_000));
    }

    expect(await ours.acquire({ id: 'ours2' }, inAMinute())).toBe(false);
    await go.enqueue({ queue: scope, taskId: `${scope}-go2` });
    expect((await go.saw('failed', `${scope}-go2`)).error).toBe(NO_TOKEN);

    // We get a token that Go releases.
    await new Inspector(bed.broker).tasks.publishAsynqCancel(`${scope}-go1`);
    await until(async () => !(await tokens(scope)).includes(`${scope}-go1`));
    expect(await ours.acquire({ id: 'ours2' }, inAMinute())).toBe(true);
    await go.enqueue({ queue: scope, taskId: `${scope}-go3` });
    expect((await go.saw('failed', `${scope}-go3`)).error).toBe(NO_TOKEN);

    // Go gets a token that we release.
    await ours.release({ id: 'ours1' });
    await go.enqueue({ queue: scope, taskId: `${scope}-go4` });
    await go.saw('acquired', `${scope}-go4`);
    expect(await ours.acquire({ id: 'ours1' }, inAMinute())).toBe(false);
  });

  item('116 Go → us: after its deadline we get the token of a Go server that was killed', async () => {
    const scope = bed.queue();
    const go = await goHolders(scope, 1);
    const deadlineS = nowS() + 3;
    await go.enqueue({ queue: scope, taskId: `${scope}-go`, deadlineMs: deadlineS * 1_000 });
    await go.saw('acquired', `${scope}-go`);
    await go.kill();
    const ours = new Semaphore(bed.broker, scope, 1);
    expect(await ours.acquire({ id: 'ours' }, inAMinute())).toBe(false);
    await until(() => ours.acquire({ id: 'ours' }, inAMinute()), 50);
    expect(nowS()).toBeGreaterThan(deadlineS);
    expect(await tokens(scope)).toEqual(['ours']);
  });

  item('116 us → Go: after its deadline Go gets a token that we never released', async () => {
    const scope = bed.queue();
    const ours = new Semaphore(bed.broker, scope, 1);
    await ours.acquire({ id: 'ours' }, { deadlineMs: Date.now() - 5_000 });
    expect(await tokens(scope)).toEqual(['ours']);
    const go = await goHolders(scope, 1);
    await go.enqueue({ queue: scope, taskId: `${scope}-go` });
    await go.saw('acquired', `${scope}-go`);
    await expect(ours.release({ id: 'ours' })).rejects.toMatchObject({ code: 'token-not-held' });
  });
});
