/** A message as a Go client writes it. Encoded by hand here: our own codec must not be tested with itself. */
export interface GoTask {
  readonly type: string;
  readonly payload: string;
  readonly id: string;
  readonly queue: string;
  readonly retry?: number;
  readonly timeout?: number;
  readonly uniqueKey?: string;
  readonly retention?: number;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

const text = (field: number, value: string): number[] => {
  const bytes = [...Buffer.from(value)];
  return bytes.length === 0 ? [] : [field * 8 + 2, ...varint(bytes.length), ...bytes];
};
const int = (field: number, value: number): number[] => (value === 0 ? [] : [field * 8, ...varint(value)]);

export function goMessage(task: GoTask): Buffer {
  const { retry = 25, timeout = 1_800, uniqueKey = '', retention = 0 } = task;
  return Buffer.from([
    ...text(1, task.type),
    ...text(2, task.payload),
    ...text(3, task.id),
    ...text(4, task.queue),
    ...int(5, retry),
    ...int(8, timeout),
    ...text(10, uniqueKey),
    ...int(12, retention),
  ]);
}

/** The fields of a message as Go reads them: the last of a repeated field counts. */
export function goFields(bytes: Buffer): Record<number, string | number> {
  const fields: Record<number, string | number> = {};
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = next();
    const value = next();
    if (tag % 8 === 0) fields[tag >> 3] = value;
    else {
      fields[tag >> 3] = bytes.toString('utf8', at, at + value);
      at += value;
    }
  }
  return fields;
}
