/** Milliseconds of a clock that all processes of a machine share and nobody sets. */
export const nowMs = () => Number(process.hrtime.bigint() / 1_000n) / 1_000;
