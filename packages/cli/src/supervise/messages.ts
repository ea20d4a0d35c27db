/** What the process of a service tells its parent. */
export type ServiceMessage =
  /** It serves. `graceMs`: how long a stop may take. */
  | { readonly is: 'ready'; readonly graceMs: number }
  /** It has begun to stop: by a signal, or because its terminal or its parent has gone. */
  | { readonly is: 'stopping'; readonly graceMs: number | null }
  /** It exits now, with this code. */
  | { readonly is: 'exiting'; readonly code: number };
