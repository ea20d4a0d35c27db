// Redis Cluster: moving slots and lost masters.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { slotOf } from '../../packages/engine/src/brokers/redis/client/topology/slots.ts';
import type { ClusterNode } from '../../packages/engine/test/support/redis-cluster.ts';
import { queuesOn, slotOfQueue } from '../harness/cluster.ts';
import { experiment } from '../harness/experiment.ts';
import { now, until } from '../harness/history.ts';
import { longestPauseMs } from '../harness/pauses.ts';
import { followsAgain } from '../harness/redis-admin.ts';

const roleOf = async ({ raw }: ClusterNode): Promise<unknown> => ((await raw.call('ROLE')) as unknown[])[0];

experiment(
  'H5',
  {
    title: 'slots move from node to node under load',
    tier: 1,
    on: ['cluster'],
  },
  async (run) => {
    const { cluster } = run.bed;
    const queues = await queuesOn(cluster);
    await run.fleet({ work: { queues }, produce: { queues } });
    const count = run.times(3_000, 50_000);
    const mix = { ms: [0, 2], delayed: 0, failing: 0 } as const;
    await run.start({
      produce: { queues: queues.slice(0, 1), count, batch: 500, parallel: 2, perSecond: 1e6, mix },
    });
    let [moved, paused] = [0, 0];
    for (let round = 0; round < run.times(1, 10); round += 1) {
      for (const slot of [...queues.map(slotOfQueue), slotOf('asynq:queues')]) {
        const owner = await cluster.ownerOf(slot);
        const to = cluster.nodes[(cluster.nodes.indexOf(owner) + 1) % cluster.nodes.length] ?? owner;
        const began = now();
        // The pause in the middle lets calls of every kind hit a slot whose keys are split between two nodes.
        await cluster.moveSlot(slot, to, () => sleep(150));
        const ended = now();
        await run.flow(50);
        const queuesOfSlot = queues.filter((queue) => slotOfQueue(queue) === slot);
        const pause = longestPauseMs(run.lines(), began, { queues: queuesOfSlot, until: ended });
        expect(pause, 'a pause of a queue beyond its move').toBeLessThan(ended - began + 2_000);
        moved = Math.max(moved, Math.round(ended - began));
        paused = Math.max(paused, pause);
      }
    }
    run.fact('longest move, ms', moved);
    run.fact('longest pause of a queue, ms', paused);
    const { tasks } = await run.finish();
    expect([tasks.refused, tasks.unknown]).toEqual([0, 0]);
  },
);

experiment(
  'H6',
  {
    title: 'SIGKILL of a master of the cluster; node timeout 2 s',
    tier: 2,
    on: ['cluster'],
    may: { duplicates: ['rolled-back', 'lease-lost'], overlaps: true },
    redis: { args: ['--repl-diskless-sync-delay', '0'] },
  },
  async (run) => {
    const { nodes, replicas } = run.bed.cluster;
    const queues = await queuesOn(run.bed.cluster);
    await run.fleet({ work: { queues }, produce: { queues, durability: 'replicated' } });
    let resumed = 0;
    for (let i = 0; i < run.times(2, 20); i += 1) {
      await run.flow(100);
      await run.phase(0, 300);
      // Not the first master: the test itself is connected to it.
      const index = 1 + (i % 2);
      const pair = [nodes[index], replicas[index]].filter((node) => node !== undefined);
      const found = await Promise.all(pair.map(async (node) => ({ node, role: await roleOf(node) })));
      const master = found.find(({ role }) => role === 'master')?.node;
      const replica = found.find(({ role }) => role !== 'master')?.node;
      if (!master || !replica) throw new Error('there is no master with a replica');
      const began = now();
      run.fault('SIGKILL of a master');
      await master.server.kill();
      await until(async () => (await roleOf(replica)) === 'master', { what: 'the replica takes over' });
      await run.saw((line) => line.e === 'start' && line.queue === queues[index]);
      await run.flow(100);
      resumed = Math.max(
        resumed,
        longestPauseMs(run.lines(), began, { queues: queues.slice(index, index + 1) }),
      );
      await master.server.restart();
      await followsAgain(master.server.port);
    }
    run.fact('tasks start again after, ms', resumed);
    expect(resumed).toBeLessThan(10_000);
    await run.finish();
  },
);

experiment(
  'H7',
  {
    title: 'two of three masters are gone, then back with their data: CLUSTERDOWN in between',
    tier: 2,
    on: ['cluster'],
    may: { resumeMs: 5_000, duplicates: ['lease-lost'] },
    redis: { args: ['--appendonly', 'yes', '--appendfsync', 'always'] },
  },
  async (run) => {
    const { nodes } = run.bed.cluster;
    const queues = await queuesOn(run.bed.cluster);
    await run.fleet({ work: { queues }, produce: { queues } });
    for (let i = 0; i < run.times(1, 10); i += 1) {
      await run.flow(100);
      const killed = nodes.slice(1);
      run.fault('SIGKILL of two masters');
      await Promise.all(killed.map(({ server }) => server.kill()));
      const clusterInfo = async () => String(await nodes[0]?.raw.call('CLUSTER', 'INFO'));
      await until(async () => (await clusterInfo()).includes('cluster_state:fail'), {
        what: 'the cluster is down',
      });
      // A call for each queue gets an error.
      for (const queue of queues) {
        const ids = () =>
          new Set(
            run.lines().flatMap((line) => (line.e === 'call' && line.queue === queue ? [line.id] : [])),
          );
        await run.saw((line) => (line.e === 'refused' || line.e === 'unknown') && ids().has(line.id));
      }
      await Promise.all(killed.map(({ server }) => server.restart()));
      run.heal('the masters are back');
      await run.flow(100);
    }
    const codes = run
      .lines()
      .flatMap((line) => (line.e === 'refused' || line.e === 'unknown' ? [line.code] : []));
    expect([...new Set(codes)]).toEqual(['broker-unavailable']);
    await run.finish();
  },
);
