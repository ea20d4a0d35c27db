// What the loss of a worker means for the tasks that it ran. A task that kills its process would kill every worker in turn.

/** A task that was lost with this many workers is archived. */
export const MAX_CRASHES = 3;
/**
 * From this number of crashes on a task is suspected of killing its process, because one more would archive it. It then
 * runs alone: tasks that run beside it would be blamed as well.
 */
export const SUSPECT_CRASHES = MAX_CRASHES - 1;
/** Time between two scans for lost tasks. It is part of the 8.3 s within which a dead worker's task runs again. */
export const SCAN_MS = 750;
