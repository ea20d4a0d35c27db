import {
  constants,
  monitorEventLoopDelay,
  PerformanceObserver,
  type PerformanceEntry,
} from 'node:perf_hooks';
import { readdirSync, readFileSync } from 'node:fs';
import { getHeapSpaceStatistics } from 'node:v8';
import type { LabelValues, NameOf } from './definitions/all.ts';
import type { Registry } from './registry.ts';

const NS = 1e9;
/** How often the delay of the event loop is measured, ms. */
const RESOLUTION_MS = 10;
const KIB = 1_024;

/** The kinds of collections, as the label has them. */
const GC_KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

/** What the kernel says; null = it says nothing, as anywhere but on Linux. */
function readKernel(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function openFiles(): number | null {
  try {
    // The list itself is open while it is read.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return null;
  }
}

/** Names and bytes in the lines of `/proc/self/status`. */
function bytesIn(status: string, name: string): number | null {
  const [, kib] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
  return kib === undefined ? null : Number(kib) * KIB;
}

function mostFiles(): number | null {
  const [, most] = /^Max open files\s+(\d+)/m.exec(readKernel('/proc/self/limits') ?? '') ?? [];
  return most === undefined ? null : Number(most);
}

/** Gauges without labels. */
type PlainGauge = {
  [N in NameOf<'gauge'>]: LabelValues<N> extends readonly [] ? N : never;
}[NameOf<'gauge'>];

/** Sets a gauge without labels where the figure is known. */
function set(registry: Registry, name: PlainGauge, value: number | null): void {
  const gauge = registry.gauge(name).with();
  if (value === null) gauge.clear();
  else gauge.set(value);
}

function collectProcess(registry: Registry): void {
  const { user, system } = process.cpuUsage();
  registry
    .counter('process_cpu_user_seconds_total')
    .with()
    .advanceTo(user / 1e6);
  registry
    .counter('process_cpu_system_seconds_total')
    .with()
    .advanceTo(system / 1e6);
  registry
    .counter('process_cpu_seconds_total')
    .with()
    .advanceTo((user + system) / 1e6);
  const status = readKernel('/proc/self/status') ?? '';
  set(registry, 'process_virtual_memory_bytes', bytesIn(status, 'VmSize'));
  set(registry, 'process_heap_bytes', bytesIn(status, 'VmData'));
  set(registry, 'process_open_fds', openFiles());
}

function collectHeap(registry: Registry): void {
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  set(registry, 'process_resident_memory_bytes', rss);
  set(registry, 'nodejs_heap_size_total_bytes', heapTotal);
  set(registry, 'nodejs_heap_size_used_bytes', heapUsed);
  set(registry, 'nodejs_external_memory_bytes', external);
  for (const space of getHeapSpaceStatistics()) {
    // V8 calls them `old_space`, the usual libraries `old`.
    const name = space.space_name.replace(/_space$/, '');
    registry.gauge('nodejs_heap_space_size_total_bytes').with(name).set(space.space_size);
    registry.gauge('nodejs_heap_space_size_used_bytes').with(name).set(space.space_used_size);
    registry.gauge('nodejs_heap_space_size_available_bytes').with(name).set(space.space_available_size);
  }
}

/** Kinds that were there once are 0 while there are none. */
function createResourceCollector(registry: Registry): () => void {
  const seen = new Set<string>();
  return () => {
    const counts = new Map<string, number>([...seen].map((kind) => [kind, 0]));
    for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    for (const [kind, count] of counts) {
      seen.add(kind);
      registry.gauge('nodejs_active_resources').with(kind).set(count);
    }
  };
}

/** Measures the delay of the event loop all the time, and begins anew with each reading. */
function watchEventLoop(registry: Registry): { collect(): void; stop(): void } {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  return {
    collect() {
      // Before its first value all figures are NaN or huge.
      const seconds = (ns: number) => (delay.count === 0 || !Number.isFinite(ns) ? 0 : ns / NS);
      // Its timer itself takes `RESOLUTION_MS`: what is more than that is lag.
      set(registry, 'nodejs_eventloop_lag_seconds', Math.max(0, seconds(delay.mean) - RESOLUTION_MS / 1_000));
      set(registry, 'nodejs_eventloop_lag_min_seconds', seconds(delay.min));
      set(registry, 'nodejs_eventloop_lag_max_seconds', seconds(delay.max));
      set(registry, 'nodejs_eventloop_lag_mean_seconds', seconds(delay.mean));
      set(registry, 'nodejs_eventloop_lag_stddev_seconds', seconds(delay.stddev));
      set(registry, 'nodejs_eventloop_lag_p50_seconds', seconds(delay.percentile(50)));
      set(registry, 'nodejs_eventloop_lag_p90_seconds', seconds(delay.percentile(90)));
      set(registry, 'nodejs_eventloop_lag_p99_seconds', seconds(delay.percentile(99)));
      delay.reset();
    },
    stop: () => delay.disable(),
  };
}

/** Counts collections of garbage as they happen. */
function watchGarbage(registry: Registry): () => void {
  const metric = registry.histogram('nodejs_gc_duration_seconds');
  const count = (entry: PerformanceEntry) => {
    const { kind } = (entry as { detail?: { kind?: number } }).detail ?? {};
    metric.with(GC_KINDS[kind ?? 0] ?? 'other').observe(entry.duration / 1_000);
  };
  const observer = new PerformanceObserver((list) => list.getEntries().forEach(count));
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
}

/** What stays for as long as the process lives. */
function setConstants(registry: Registry, startedMs: number): void {
  const { version } = process;
  const [major = '', minor = '', patch = ''] = version.slice(1).split('.');
  registry.gauge('nodejs_version_info').with(version, major, minor, patch).set(1);
  set(registry, 'process_start_time_seconds', startedMs / 1_000);
  set(registry, 'process_max_fds', mostFiles());
}

/**
 * Adds the figures of this process and of Node. Returns what ends the measurements that go on between readings.
 *
 * @param startedMs when the process started, wall-clock ms
 */
export function addProcessMetrics(registry: Registry, startedMs: number): () => void {
  setConstants(registry, startedMs);
  const loop = watchEventLoop(registry);
  const stopGarbage = watchGarbage(registry);
  const collectResources = createResourceCollector(registry);
  const remove = registry.onCollect(() => {
    collectProcess(registry);
    collectHeap(registry);
    loop.collect();
    collectResources();
  });
  return () => {
    remove();
    loop.stop();
    stopGarbage();
  };
}
