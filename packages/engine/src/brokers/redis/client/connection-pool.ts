import type { Runtime } from '../../../runtime/runtime.ts';
import type { Topology } from './topology/topology.ts';
import { Uplink } from './reconnecting-connection.ts';

export interface UplinksParts {
  readonly topology: Topology;
  readonly runtime: Runtime;
  /** Whether anybody still waits for a link. */
  wanted(): boolean;
  onUp(place: string): void;
  onDown(place: string): void;
  /** Servers have come or gone, or what they have. */
  onChange(): void;
  onInvalidate(key: string | null): void;
}

/** A link to each server whose keys somebody wants. */
export class Uplinks {
  readonly #parts: UplinksParts;
  readonly #byPlace = new Map<string, Uplink>();
  #closed = false;

  constructor(parts: UplinksParts) {
    this.#parts = parts;
    parts.topology.onChange(() => this.#changed());
  }

  /** To the key's server (null: to any, always the same); null while there is none. */
  of(key: string | null): Uplink | null {
    const place = this.#parts.topology.placeOf(key);
    return place === null ? null : (this.#byPlace.get(place) ?? null);
  }

  /** Connects to the key's server, as soon as it is known. */
  want(key: string | null): void {
    const { topology } = this.#parts;
    if (this.#closed) return;
    topology.watch();
    const place = topology.placeOf(key);
    if (place === null) return void topology.refresh().catch(() => {});
    this.#to(place).want();
  }

  close(): void {
    this.#closed = true;
    for (const uplink of this.#byPlace.values()) uplink.close();
  }

  #to(place: string): Uplink {
    let uplink = this.#byPlace.get(place);
    if (uplink) return uplink;
    const { topology, runtime, wanted, onUp, onDown, onInvalidate } = this.#parts;
    uplink = new Uplink({
      topology,
      place,
      runtime,
      wanted,
      onUp: () => onUp(place),
      onDown: () => onDown(place),
      onFailed: () => void topology.refresh().catch(() => {}),
      onInvalidate,
    });
    this.#byPlace.set(place, uplink);
    return uplink;
  }

  #changed(): void {
    if (this.#closed) return;
    const places = new Set(this.#parts.topology.places());
    for (const [place, uplink] of this.#byPlace) {
      if (places.has(place)) continue;
      this.#byPlace.delete(place);
      uplink.close();
    }
    this.#parts.onChange();
  }
}
