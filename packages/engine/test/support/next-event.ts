import type { EngineEvents, EventName, Events } from '../../src/runtime/events.ts';

/** Resolves to the next event of this name that fits. Call it before the action that causes the event. */
export function nextEvent<N extends EventName>(
  events: Events,
  name: N,
  fits: (event: EngineEvents[N]) => boolean = () => true,
): Promise<EngineEvents[N]> {
  return new Promise((resolve) => {
    const off = events.on(name, (event) => {
      if (!fits(event)) return;
      off();
      resolve(event);
    });
  });
}

/** Resolves to the next `count` events of this name, in order. */
export function nextEvents<N extends EventName>(
  events: Events,
  name: N,
  count: number,
): Promise<EngineEvents[N][]> {
  return new Promise((resolve) => {
    const seen: EngineEvents[N][] = [];
    const off = events.on(name, (event) => {
      seen.push(event);
      if (seen.length < count) return;
      off();
      resolve(seen);
    });
  });
}
